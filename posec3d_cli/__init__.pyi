# The public names for type checkers; `__init__.py` imports them when they are first used.

from posec3d_cli.config import PipelineConfig as PipelineConfig
from posec3d_cli.datasets.clips import LabeledClip as LabeledClip
from posec3d_cli.datasets.labeled_dataset import LabeledDataset as LabeledDataset
from posec3d_cli.datasets.load import load_dataset as load_dataset
from posec3d_cli.errors import ConfigError as ConfigError
from posec3d_cli.errors import DeviceError as DeviceError
from posec3d_cli.errors import InputError as InputError
from posec3d_cli.errors import ModelError as ModelError
from posec3d_cli.errors import OutputError as OutputError
from posec3d_cli.errors import PoseC3DError as PoseC3DError
from posec3d_cli.errors import StageError as StageError
from posec3d_cli.evaluation.evaluate import evaluate as evaluate
from posec3d_cli.evaluation.report import EvaluationReport as EvaluationReport
from posec3d_cli.extraction.extractor import PoseExtractor as PoseExtractor
from posec3d_cli.hub.cards import ModelCard as ModelCard
from posec3d_cli.hub.catalog import list_cards as list_cards
from posec3d_cli.hub.catalog import load_card as load_card
from posec3d_cli.hub.sample_clips import fetch_sample as fetch_sample
from posec3d_cli.output.poses import save_poses as save_poses
from posec3d_cli.output.video import save_video as save_video
from posec3d_cli.pipeline import Pipeline as Pipeline
from posec3d_cli.pose_files import read_pose_file as read_pose_file
from posec3d_cli.recognition.recognizer import ActionRecognizer as ActionRecognizer
from posec3d_cli.results import ClipResult as ClipResult
from posec3d_cli.results import PersonScores as PersonScores
from posec3d_cli.results import VideoPoses as VideoPoses
from posec3d_cli.results import WindowScores as WindowScores
from posec3d_cli.sampling.clips import ClipSampling as ClipSampling
from posec3d_cli.sampling.indices import uniform_test_indices as uniform_test_indices
from posec3d_cli.skeletons import COCO_17 as COCO_17
from posec3d_cli.skeletons import Skeleton as Skeleton
from posec3d_cli.skeletons import skeleton as skeleton
from posec3d_cli.stages.builders.heatmap import HeatmapBuilder as HeatmapBuilder
from posec3d_cli.stages.create import create_stage as create_stage
from posec3d_cli.transforms.heatmaps import HeatmapSpec as HeatmapSpec
from posec3d_cli.types import ActionScores as ActionScores
from posec3d_cli.types import Detections as Detections
from posec3d_cli.types import Frame as Frame
from posec3d_cli.types import HeatmapVolume as HeatmapVolume
from posec3d_cli.types import JointClips as JointClips
from posec3d_cli.types import Objects as Objects
from posec3d_cli.types import ObjectTracks as ObjectTracks
from posec3d_cli.types import Poses as Poses
from posec3d_cli.types import PoseSequence as PoseSequence
from posec3d_cli.types import RGBClips as RGBClips
from posec3d_cli.types import RGBPoseClips as RGBPoseClips
from posec3d_cli.types import VideoInfo as VideoInfo
from posec3d_cli.video import open_video as open_video

__version__: str
__all__: list[str]
