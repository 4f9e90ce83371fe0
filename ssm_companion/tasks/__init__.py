"""Data and tasks to remember things by; nothing here touches the network."""

from ssm_companion.tasks import copying as copying
from ssm_companion.tasks import series as series
from ssm_companion.tasks import text as text
