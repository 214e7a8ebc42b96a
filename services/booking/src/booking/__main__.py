from booking.app import build
from booking.settings import Settings
from chassis.main import main

if __name__ == "__main__":
    main("booking", Settings, build)
