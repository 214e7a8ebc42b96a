"""`python -m payments api | worker | migrate | all`."""

from chassis.main import main
from payments.app import build
from payments.settings import Settings

if __name__ == "__main__":
    main("payments", Settings, build)
