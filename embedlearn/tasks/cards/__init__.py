"""A model card and a data card of a run, written from what lies in its folder, whenever they are asked for.

The questions are those of Mitchell 2019 (doi 10.1145/3287560.3287596) and Gebru 2021 (doi 10.1145/3458723).
"""

from embedlearn.tasks.cards.writing import DATA_CARD, MODEL_CARD, renew_cards, write_cards

__all__ = ["DATA_CARD", "MODEL_CARD", "renew_cards", "write_cards"]
