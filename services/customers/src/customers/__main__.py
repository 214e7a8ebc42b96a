"""`python -m customers api | worker | migrate | all | create-key | revoke-key`."""

from chassis.main import main
from customers.app import build
from customers.commands import COMMANDS
from customers.settings import Settings

if __name__ == "__main__":
    main("customers", Settings, build, commands=COMMANDS)
