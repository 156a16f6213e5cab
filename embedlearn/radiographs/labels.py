"""One name for each finding, whatever a data set calls it."""

from collections.abc import Mapping

HEALTHY = "healthy"
PNEUMONIA = "pneumonia"
BACTERIAL = "pneumonia/bacterial"
VIRAL = "pneumonia/viral"
COVID = "covid-19"

# Findings of ChestX-ray14, CheXpert, RSNA and the Radiography Database that are called the same but for their spelling.
FINDINGS = (
    "atelectasis",
    "cardiomegaly",
    "consolidation",
    "edema",
    "emphysema",
    "enlarged cardiomediastinum",
    "fibrosis",
    "fracture",
    "hernia",
    "infiltration",
    "lung lesion",
    "lung opacity",
    "mass",
    "nodule",
    "pleural effusion",
    "pleural other",
    "pleural thickening",
    "pneumothorax",
    "support devices",
    "tuberculosis",
)

CANONICAL = {
    **{name: name for name in FINDINGS},
    "airspace opacity": "lung opacity",
    "effusion": "pleural effusion",
    "oedema": "edema",
    "bacteria": BACTERIAL,
    "bacterial": BACTERIAL,
    "bacterial pneumonia": BACTERIAL,
    "pneumonia bacterial": BACTERIAL,
    "virus": VIRAL,
    "viral": VIRAL,
    "viral pneumonia": VIRAL,
    "pneumonia viral": VIRAL,
    "pneumonia": PNEUMONIA,
    "covid": COVID,
    "covid 19": COVID,
    "covid19": COVID,
    "covid 19 pneumonia": COVID,
    "pneumonia viral covid 19": COVID,
    "normal": HEALTHY,
    "healthy": HEALTHY,
    "no finding": HEALTHY,
    "no findings": HEALTHY,
}


def canonical_label(raw: str, names: Mapping[str, str] | None = None) -> str:
    """The canonical form of `raw`; `names` (the user's own, NAME=LABEL) goes first, and unknown names stay, tidied.

    Case, underscores, hyphens, slashes and runs of blanks make no difference to what is recognised.
    """
    own = {_key(name): label for name, label in (names or {}).items()}
    key = _key(raw)
    return own.get(key) or CANONICAL.get(key) or " ".join(raw.split()).lower()


def _key(raw: str) -> str:
    return " ".join(raw.lower().replace("_", " ").replace("-", " ").replace("/", " ").split())
