"""The COVID-19 sets as small trees of empty films, in the exact form in which they are published."""

from pathlib import Path

from planting import plant, write_csv, write_workbook

RADIOGRAPHY = "COVID-19_Radiography_Dataset"
BIMCV = "https://bimcv.cipf.es/bimcv-projects/bimcv-covid19/#1590858128006-9e640421-6711"
SIRM = "https://sirm.org/category/senza-categoria/covid-19/"
RSNA = "https://www.kaggle.com/c/rsna-pneumonia-detection-challenge/data"
KERMANY = "https://www.kaggle.com/paultimothymooney/chest-xray-pneumonia"
PAEDIATRIC = (
    "train/NORMAL/IM-0115-0001.jpeg",
    "train/NORMAL/NORMAL2-IM-0115-0001.jpeg",
    "train/PNEUMONIA/person1_bacteria_1.jpeg",
    "train/PNEUMONIA/person1_virus_7.jpeg",
    "val/NORMAL/NORMAL2-IM-1427-0001.jpeg",
    "val/PNEUMONIA/person9_bacteria_3.jpeg",
    "test/NORMAL/IM-0001-0001.jpeg",
    "test/PNEUMONIA/person1_virus_6.jpeg",
)


def ieee8023_tree(folder: Path) -> None:
    plant(folder / "images", [f"{name}.png" for name in "abcdefghi"])
    plant(folder / "volumes", ["radiopaedia_1.nii.gz"])
    columns = "patientid offset sex age finding view modality folder filename doi url license clinical_notes"
    rows = [
        ("2", "0", "M", "65", "COVID-19", "PA", "X-ray", "images", "a.png", "", "", "CC BY"),
        ("2", "3", "M", "65", "COVID-19, ARDS", "AP Supine", "X-ray", "images", "b.png"),
        ("", "", "F", "", "Pneumonia/Viral/COVID-19", "AP semi erect", "X-ray", "images", "c.png"),
        ("4", "", "F", "30", "Streptococcus", "PA", "X-ray", "images", "d.png"),
        ("5", "", "F", "30", "Pneumonia/Bacterial/Streptococcus", "PA", "X-ray", "images", "e.png"),
        ("6", "", "F", "30", "No Finding", "PA", "X-ray", "images", "f.png"),
        ("7", "", "F", "30", "", "PA", "X-ray", "images", "g.png"),
        ("8", "", "F", "30", "todo", "PA", "X-ray", "images", "g2.png"),
        ("9", "", "F", "30", "COVID-19", "L", "X-ray", "images", "h.png"),
        ("10", "", "F", "30", "COVID-19", "Axial", "CT", "volumes", "i.png"),
        ("11", "", "F", "30", "COVID-19", "PA", "X-ray", "images", "missing.png"),
    ]
    write_csv(folder / "metadata.csv", columns, rows)


def actualmed_tree(folder: Path) -> None:
    names = [f"CR.1.2.840.{number}.png" for number in range(4)]
    plant(folder / "images", names)
    columns = (
        "patientid offset sex age finding survival temperature pO2~saturation view modality imagename "
        "artifacts/distortion notes"
    )
    rows = [
        ("ANON196", "", "", "", "", "", "", "", "PA", "X-ray", names[0], "", "Inconclusive, date taken: 20200313"),
        ("ANON56", "", "", "", "No finding", "", "", "", "PA", "X-ray", names[1]),
        ("ANON196", "", "", "", "COVID-19", "", "", "", "AP", "X-ray", names[2]),
        ("ANON91", "", "", "", "COVID-19", "", "", "", "AP", "X-ray", names[3]),
        ("ANON92", "", "", "", "COVID-19", "", "", "", "AP", "X-ray", "CR.1.2.840.9.png"),
    ]
    write_csv(folder / "metadata.csv", columns, rows)


def figure1_tree(folder: Path) -> None:
    plant(folder / "images", ["COVID-00001.jpg", "COVID-00002.jpg", "COVID-00039a.png", "COVID-00039b.JPEG"])
    columns = (
        "patientid offset sex age finding survival temperature pO2~saturation view modality artifacts/distortion notes"
    )
    rows = [
        ("COVID-00001", "13", "M", "33", "COVID-19", "", "", "58", "AP erect", "X-ray"),
        ("COVID-00002", "", "M", "50+", "", "", "38\N{DEGREE SIGN}", "", "AP erect", "X-ray"),
        ("COVID-00039a", "10", "F", "early 40s", "Pneumonia", "", "", "80", "", "X-ray"),
        ("COVID-00039b", "10", "F", "50+", "No finding", "", "", "80", "", "X-ray"),
        ("COVID-00045", "", "", "", "COVID-19", "", "", "", "", "X-ray"),
    ]
    write_csv(folder / "metadata.csv", columns, rows, encoding="latin-1")


def hannover_tree(folder: Path) -> None:
    plant(folder, ["png/b343e657.png", "png/c9280a30.png", "png/61bc50d1.png", "nii/readme.md"])
    columns = "patient_id image_id sex age size weight admission_offset modality projection crp_offset crp_val"
    rows = [
        ("042f06a9", "b343e657", "m", "", "", "", "0", "CR", "ap", "0.0", "5.0"),
        ("042f06a9", "c9280a30", "m", "", "", "", "-2", "DX", "pa", "0.0", "38.0"),
        ("0a359802", "61bc50d1", "f", "", "", "", "0", "CR", "ap", "0.0", "-inf"),
    ]
    write_csv(folder / "data.csv", columns, rows)


def covidcxnet_tree(folder: Path) -> None:
    names = ("001.jpeg", "260.jpg", "280-.jpg", "364.jfif", "756.jpg", "821.webp")
    plant(folder / "chest_xray_images" / "covid19", names)
    columns = "filename patient_id sex age view label pcr_test survival location url"
    rows = [
        ("260.jpg", "10", "female", "68", "", "COVID-19", "positive", "", "Spain"),
        ("280-.jpg", "18", "male", "67", "PA", "COVID-19", "positive", "", "Spain"),
        ("364.jfif", "18", "male", "0.03", "", "COVID-19", "positive", "", "Spain"),
        ("756.jpg", "213", "male", "28", "AP", "", "negative", "", "Austria"),
        ("821.webp", "251", "male", "75", "AP", "COVID-19", "positive", "1", "Afghanistan"),
        ("900.jpg", "303", "female", "44", "AP", "COVID-19", "positive", "1", "US"),
    ]
    write_csv(folder / "metadata.csv", columns, rows, encoding="utf-8-sig")


def radiography_v5_tree(folder: Path) -> None:
    """The release of 2021: films and lung masks, and workbooks that say which collection a film comes from."""
    root = folder / RADIOGRAPHY
    addresses = {
        "COVID": (BIMCV, SIRM),
        "Lung_Opacity": (RSNA,),
        "Normal": (RSNA, KERMANY),
        "Viral Pneumonia": (KERMANY,),
    }
    for name, urls in addresses.items():
        plant(root / name, [f"{part}/{name}-{n}.png" for part in ("images", "masks") for n in range(1, len(urls) + 1)])
        listed = name.upper() if name == "Normal" else name
        rows = [(f"{listed}-{number}", "PNG", "256*256", url) for number, url in enumerate(urls, start=1)]
        write_workbook(root / f"{name}.metadata.xlsx", [("FILE NAME", "FORMAT", "SIZE", "URL"), *rows])
    plant(root, ["README.md.txt"])


def radiography_v4_tree(folder: Path) -> None:
    """The release before it, without masks or workbooks."""
    films = ("COVID/COVID-1.png", "COVID/COVID-2.png", "Lung_Opacity/Lung_Opacity-1.png", "Normal/Normal-1.png")
    plant(folder / RADIOGRAPHY, [*films, "Viral Pneumonia/Viral Pneumonia-1.png"])


def radiography_v3_tree(folder: Path) -> None:
    """The release of 1,200 COVID-19 films, three classes."""
    root = plant(
        folder / "COVID-19 Radiography Database",
        [
            "COVID/COVID (1).png",
            "COVID/COVID (2).png",
            "NORMAL/NORMAL (1).png",
            "Viral Pneumonia/Viral Pneumonia (1).png",
        ],
    )
    rows = [("COVID 1", "PNG", "1024*1024", "https://www.sirm.org/2020/03/08/covid-19-caso-53/")]
    write_workbook(root / "COVID.metadata.xlsx", [("FILE NAME", "FORMAT", "SIZE", "URL"), *rows])


def radiography_v1_tree(folder: Path) -> None:
    """The first release: blanks come and go in its names, and one workbook is misspelt."""
    root = plant(
        folder / "COVID-19 Radiography Database",
        ["COVID-19/COVID-19 (1).png", "COVID-19/COVID-19(219).png", "NORMAL/NORMAL (1).png"],
    )
    plant(root, ["Viral Pneumonia/Viral Pneumonia (1).png"])
    write_workbook(root / "Viral Pneumonia.matadata.xlsx", [("FILE NAME", "URL"), ("Viral Pneumonia(1)", KERMANY)])


def kermany_tree(folder: Path) -> None:
    plant(folder / "chest_xray", PAEDIATRIC)


def sandrofab_tree(folder: Path) -> None:
    names = (
        "BACTERIA/person1_bacteria_1.jpeg",
        "VIRAL/person1_virus_2.jpeg",
        "NORMAL/IM-0001-0001.jpeg",
        "COVID/x.png",
    )
    plant(folder / "dataset_for_classification", names)


def darkcovidnet_tree(folder: Path) -> None:
    names = (
        "Covid-19/x.png",
        "No_findings/00000003_002.jpg",
        "Pneumonia/00000003_005.png",
        "Pneumonia/00000061_012.png",
    )
    plant(folder / "X-Ray Image DataSet", names)
