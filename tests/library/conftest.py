import sys
from pathlib import Path

import pytest
import torch
from hypothesis import settings

# with importmode=importlib the tests find no module beside them
sys.path.insert(0, str(Path(__file__).parent))

settings.register_profile("library", deadline=None, derandomize=True, max_examples=25)
settings.load_profile("library")


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)
