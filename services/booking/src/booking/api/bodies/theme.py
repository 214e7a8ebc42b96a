"""How a venue's booking pages look. Checked value by value: nothing in it can be more than that."""

from typing import Annotated, Literal

from pydantic import Field

from chassis.http import Body

Colour = Annotated[
    str, Field(pattern=r"^#[0-9A-Fa-f]{6}$", examples=["#1A2B3C"], description="Six hex digits")
]
Pixels = Annotated[int, Field(ge=0, le=64, description="Pixels")]
FontFamily = Literal[
    "system-ui",
    "sans-serif",
    "serif",
    "monospace",
    "Georgia",
    "Helvetica",
    "Inter",
    "Lato",
    "Merriweather",
    "Montserrat",
    "Open Sans",
    "Playfair Display",
    "Poppins",
    "Roboto",
    "Source Sans 3",
]


class Palette(Body):
    """Colours; those left out are the page's own."""

    primary: Colour | None = None
    accent: Colour | None = None
    background: Colour | None = None
    surface: Colour | None = None
    text: Colour | None = None


class Theme(Body):
    """The look of a venue's pages (F-82); what is left out is the page's own."""

    mode: Literal["light", "dark", "auto"] = "auto"
    light: Palette = Palette()
    dark: Palette = Palette()
    font_family: FontFamily = "system-ui"
    font_size: Annotated[int, Field(ge=10, le=32, description="Pixels")] = 16
    spacing: Pixels = 16
    radius: Pixels = 8
