"""`python -m notifications api | worker | migrate | all`."""

from chassis.main import main
from notifications.app import build
from notifications.settings import Settings

if __name__ == "__main__":
    main("notifications", Settings, build)
