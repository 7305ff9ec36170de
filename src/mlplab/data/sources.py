"""Where the public data sets come from: a table, no code.

Checksums are SHA-256 of the uncompressed bytes in the form in which mlplab keeps a file, because
gzip writes the same content in many ways. `upstream` names the function in `mlplab.data.upstream`
that brings a download into this form.
"""

from __future__ import annotations

from dataclasses import dataclass

from mlplab.results.tables import Task

__all__ = ["PUBLIC", "PublicFile", "PublicSet"]

_GITHUB = "https://raw.githubusercontent.com"
_SMAI = f"{_GITHUB}/gaurav-behera/smai-assignments/HEAD/data/external"
_MLC = f"{_GITHUB}/hxtruong6/inference_probabilistic_mlc/HEAD/datasets"
_UCI = "https://archive.ics.uci.edu/ml/machine-learning-databases"
_MNIST = "https://ossci-datasets.s3.amazonaws.com/mnist"
_FASHION = f"{_GITHUB}/zalandoresearch/fashion-mnist/master/data/fashion"
_PMLB = f"{_GITHUB}/EpistasisLab/pmlb/0820182add20998ed3f88b30efd273107286c695/datasets"
_SPOTIFY = (
    f"{_GITHUB}/richard-ch/Spotify-Popularity-Predictor/1e3c6595261e47e241e1b894b699147950439cb2"
    "/data"
)
_GENRES = """
acoustic afrobeat alt-rock alternative ambient anime black-metal bluegrass blues brazil breakbeat
british cantopop chicago-house children chill classical club comedy country dance dancehall
death-metal deep-house detroit-techno disco disney drum-and-bass dub dubstep edm electro electronic
emo folk forro french funk garage german gospel goth grindcore groove grunge guitar happy hard-rock
hardcore hardstyle heavy-metal hip-hop honky-tonk house idm indian indie-pop indie industrial
iranian j-dance j-idol j-pop j-rock jazz k-pop kids latin latino malay mandopop metal metalcore
minimal-techno mpb new-age opera pagode party piano pop-film pop power-pop progressive-house
psych-rock punk-rock punk r-n-b reggae reggaeton rock-n-roll rock rockabilly romance sad salsa samba
sertanejo show-tunes singer-songwriter ska sleep songwriter soul spanish study swedish synth-pop
tango techno trance trip-hop turkish world-music
"""
_EMOTIONS = (
    "amazed-suprised",  # the spelling of the file
    "happy-pleased",
    "relaxing-calm",
    "quiet-still",
    "sad-lonely",
    "angry-aggresive",
)


@dataclass(frozen=True, slots=True)
class PublicFile:
    """One file of a data set.

    Attributes
    ----------
    path : str
        Where it lies below the data folder.
    sha256 : str
        Checksum of its uncompressed bytes.
    urls : tuple of str
        Where its parts are downloaded from, in order.
    upstream : str
        Function that brings the parts into our form; empty for the only part as it is.
    label : str
        What rows of this file get in the column `PublicSet.label_column`.
    """

    path: str
    sha256: str
    urls: tuple[str, ...]
    upstream: str = ""
    label: str = ""


@dataclass(frozen=True, slots=True)
class PublicSet:
    """One data set.

    Attributes
    ----------
    title : str
        Name for people.
    task : Task
        What is usually learned from it.
    target : tuple of str
        The target columns.
    n_rows : int
        Rows, without the test part.
    files, test_files : tuple of PublicFile
        Files whose rows follow each other; for images the pixels and the labels.
    source, licence : str
        Origin, and what is known about the licence.
    drop : tuple of str
        Columns that must not be features.
    label_column : str
        Column that tells from which file a row is; empty for none.
    images : bool
        Whether the files are IDX files of images and labels.
    classes : tuple of str
        Names of the numbers in an IDX file of labels; empty to keep the numbers.
    """

    title: str
    task: Task
    target: tuple[str, ...]
    n_rows: int
    files: tuple[PublicFile, ...]
    source: str
    licence: str
    test_files: tuple[PublicFile, ...] = ()
    drop: tuple[str, ...] = ()
    label_column: str = ""
    images: bool = False
    classes: tuple[str, ...] = ()


_NOT_SEEN = "No licence file was found beside the copy; check before redistributing."

PUBLIC: dict[str, PublicSet] = {
    "mnist": PublicSet(
        title="MNIST, handwritten digits",
        task="classification",
        target=("digit",),
        n_rows=60_000,
        files=(
            PublicFile(
                "mnist/train-images-idx3-ubyte.gz",
                "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
                (f"{_MNIST}/train-images-idx3-ubyte.gz",),
            ),
            PublicFile(
                "mnist/train-labels-idx1-ubyte.gz",
                "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
                (f"{_MNIST}/train-labels-idx1-ubyte.gz",),
            ),
        ),
        test_files=(
            PublicFile(
                "mnist/t10k-images-idx3-ubyte.gz",
                "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
                (f"{_MNIST}/t10k-images-idx3-ubyte.gz",),
            ),
            PublicFile(
                "mnist/t10k-labels-idx1-ubyte.gz",
                "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
                (f"{_MNIST}/t10k-labels-idx1-ubyte.gz",),
            ),
        ),
        source="Y. LeCun, C. Cortes, C. Burges, yann.lecun.com/exdb/mnist",
        licence="Generally given as CC BY-SA 3.0.",
        images=True,
    ),
    "fashion_mnist": PublicSet(
        title="Fashion-MNIST, pictures of clothes",
        task="classification",
        target=("garment",),
        n_rows=60_000,
        files=(
            PublicFile(
                "fashion_mnist/train-images-idx3-ubyte.gz",
                "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
                (f"{_FASHION}/train-images-idx3-ubyte.gz",),
            ),
            PublicFile(
                "fashion_mnist/train-labels-idx1-ubyte.gz",
                "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
                (f"{_FASHION}/train-labels-idx1-ubyte.gz",),
            ),
        ),
        test_files=(
            PublicFile(
                "fashion_mnist/t10k-images-idx3-ubyte.gz",
                "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
                (f"{_FASHION}/t10k-images-idx3-ubyte.gz",),
            ),
            PublicFile(
                "fashion_mnist/t10k-labels-idx1-ubyte.gz",
                "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
                (f"{_FASHION}/t10k-labels-idx1-ubyte.gz",),
            ),
        ),
        source="H. Xiao, K. Rasul, R. Vollgraf (2017), github.com/zalandoresearch/fashion-mnist",
        licence="MIT",
        images=True,
        classes=(
            "T-shirt/top",
            "Trouser",
            "Pullover",
            "Dress",
            "Coat",
            "Sandal",
            "Shirt",
            "Sneaker",
            "Bag",
            "Ankle boot",
        ),
    ),
    "wine_quality": PublicSet(
        title="Quality of red and white wines",
        task="classification",
        target=("quality",),
        n_rows=6_497,
        files=(
            PublicFile(
                "wine_quality/winequality-red.csv",
                "d22f4f11db0456ff21745d2fa96d26fa348a8cdb889efda65bde802085be45fd",
                (f"{_UCI}/wine-quality/winequality-red.csv",),
                upstream="semicolons",
                label="red",
            ),
            PublicFile(
                "wine_quality/winequality-white.csv",
                "d99ea899f7ea892b717e34b0b6eaca33244c52d0d038dc4fcb6c728a64842562",
                (f"{_UCI}/wine-quality/winequality-white.csv",),
                upstream="semicolons",
                label="white",
            ),
        ),
        source="P. Cortez et al. (2009), UCI Machine Learning Repository",
        licence="CC BY 4.0 (UCI)",
        label_column="colour",
    ),
    "wine_qt": PublicSet(
        title="Quality of red wines, 1,143 of them (WineQT)",
        task="classification",
        target=("quality",),
        n_rows=1_143,
        files=(
            PublicFile(
                "wine_qt/WineQT.csv",
                "7e38cc28812d08f521ee19e29e9d3622cde03464ff5e9a8b14aa991ec74ae49e",
                (f"{_SMAI}/WineQT.csv",),
            ),
        ),
        source="kaggle.com, yasserh/wine-quality-dataset, a part of UCI Wine Quality",
        licence=_NOT_SEEN,
        drop=("Id",),
    ),
    "boston_housing": PublicSet(
        title="Boston housing with missing values",
        task="regression",
        target=("MEDV",),
        n_rows=506,
        files=(
            PublicFile(
                "boston_housing/HousingData.csv",
                "7a1eefeaed0bcc17daa972f9e2131b802d0fde5347c5f2ae80af852088dd5f43",
                (f"{_SMAI}/HousingData.csv",),
            ),
        ),
        source=(
            "D. Harrison, D. Rubinfeld (1978), StatLib; kaggle.com, "
            "altavish/boston-housing-dataset. Column B is a racial proportion."
        ),
        licence=_NOT_SEEN,
    ),
    "spotify": PublicSet(
        title="Spotify tracks of 114 genres",
        task="classification",
        target=("track_genre",),
        n_rows=114_000,
        files=(
            PublicFile(
                "spotify/spotify.csv.gz",
                "5373932265c96e460100dc269f7fcb4f0a8573d01b4075124f28f169f70bf62e",
                tuple(f"{_SPOTIFY}/{genre}.csv" for genre in _GENRES.split()),
                upstream="numbered_parts",
            ),
        ),
        source=(
            "kaggle.com, maharshipandya/-spotify-tracks-dataset, as kept by "
            "github.com/richard-ch/Spotify-Popularity-Predictor"
        ),
        licence="ODbL (Kaggle); no licence file was found beside the copy.",
        drop=("Unnamed: 0", "track_id"),
    ),
    "advertisement": PublicSet(
        title="Customers and what they are interested in",
        task="multilabel",
        target=("labels",),
        n_rows=1_000,
        files=(
            PublicFile(
                "advertisement/advertisement.csv",
                "f2f951aaa43d80ec1a748fb1c056da9fda8d7470b0d509a22ff2707f7a16b502",
                (f"{_SMAI}/advertisement.csv",),
            ),
        ),
        source="Course SMAI, IIIT Hyderabad (2024); it looks synthetic",
        licence=_NOT_SEEN,
    ),
    "yeast": PublicSet(
        title="Functions of yeast genes",
        task="multilabel",
        target=tuple(f"Class{number}" for number in range(1, 15)),
        n_rows=2_417,
        files=(
            PublicFile(
                "yeast/yeast.csv.gz",
                "cac510986c3f9decdecb10cb3ec5b7a3249f7ad09a6cafe9e936c9788367a3f2",
                (f"{_MLC}/yeast.arff",),
                upstream="arff",
            ),
        ),
        source="A. Elisseeff, J. Weston (2001); Mulan and MEKA collections",
        licence=_NOT_SEEN,
    ),
    "emotions": PublicSet(
        title="Emotions in music",
        task="multilabel",
        target=_EMOTIONS,
        n_rows=593,
        files=(
            PublicFile(
                "emotions/emotions.csv.gz",
                "fe480fc0fc2958b534e60f4ab9ea4d26fc9cb216beaddb786822c4119a89ce73",
                (f"{_MLC}/emotions.arff",),
                upstream="arff",
            ),
        ),
        source="K. Trohidis et al. (2008); Mulan collection",
        licence=_NOT_SEEN,
    ),
    "pima": PublicSet(
        title="Diabetes among Pima women",
        task="classification",
        target=("Outcome",),
        n_rows=768,
        files=(
            PublicFile(
                "diabetes/diabetes.csv",
                "698c203a14aa31941d2251175330c9199f3ccdb31597abbba2a3e35416257a72",
                (f"{_SMAI}/diabetes.csv",),
            ),
        ),
        source=(
            "NIDDK; kaggle.com, uciml/pima-indians-diabetes-database. Zeros in Glucose, "
            "BloodPressure, SkinThickness, Insulin and BMI mean missing."
        ),
        licence="CC0 (Kaggle); no licence file was found beside the copy.",
    ),
    "california_housing": PublicSet(
        title="California housing of 1990",
        task="regression",
        target=("median_house_value",),
        n_rows=20_640,
        files=(
            PublicFile(
                "california_housing/housing.csv.gz",
                "8a3727f4cf54ac1a327f69b1d5b4db54c5834ea81c6e4efc0d163300022a685e",
                (f"{_GITHUB}/ageron/handson-ml/master/datasets/housing/housing.csv",),
            ),
        ),
        source="R. Pace, R. Barry (1997), StatLib; this form by A. Geron, ageron/handson-ml",
        licence="Repository Apache 2.0; licence of the data not seen.",
    ),
    "adult": PublicSet(
        title="Income in the census of 1994",
        task="classification",
        target=("income",),
        n_rows=32_561,
        files=(
            PublicFile(
                "adult/adult_train.csv.gz",
                "f2c62076f19504d99a38b22badf445a7f42530ade6b827acf78dd143fbce38bb",
                (f"{_UCI}/adult/adult.data",),
                upstream="adult",
            ),
        ),
        test_files=(
            PublicFile(
                "adult/adult_test.csv.gz",
                "f6b1801c5d231515ea5ff04d4444997bacd57e04876e94710cb9b9bd5549c033",
                (f"{_UCI}/adult/adult.test",),
                upstream="adult",
            ),
        ),
        source="B. Becker, R. Kohavi (1996), UCI Machine Learning Repository",
        licence="CC BY 4.0 (UCI)",
    ),
    "sleep": PublicSet(
        title="Stages of sleep",
        task="classification",
        target=("target",),
        n_rows=105_908,
        files=(
            PublicFile(
                "sleep/sleep.tsv.gz",
                "15fa96b47c9c186213e46426a1ab4b23c51442e602a21e4f969c90f19aa3a379",
                (f"{_PMLB}/sleep/sleep.tsv.gz",),
            ),
        ),
        source="PMLB, Penn Machine Learning Benchmarks; OpenML",
        licence="Repository MIT; licence of the data not seen.",
    ),
}
