"""A lunch to book: six dishes, one of which is not to be had."""

from booking.domain.ordering import Choice
from booking.domain.presets import Preset
from booking.usecases.add_menu import AddMenuItem, AddMenuSection, add_menu_item, add_menu_section

# In another order than that of their making.
DISHES = (
    ("Roast beef", 2100, 20),
    ("Roast chicken", 1900, 10),
    ("Nut roast", 1700, 30),
    ("Lamb", 2400, 40),
    ("Yorkshire pudding", 300, 50),
    ("Apple crumble", 800, 60),
)
UNAVAILABLE = "Lamb"


async def section(world, name="Sunday lunch", sort_order=100):
    command = AddMenuSection(
        venue_id=world.venue_id,
        name=name,
        description=None,
        sort_order=sort_order,
        actor="test",
    )
    return await world.run(lambda tx: add_menu_section(tx, command))


async def dish(world, within, name="Roast beef", price=2100, **more):
    given = {
        "description": None,
        "is_available": True,
        "sort_order": 100,
        "dietary": (),
        "allergens": (),
        "available_from": None,
        "available_until": None,
        **more,
    }
    command = AddMenuItem(section_id=within.id, name=name, price_minor=price, actor="test", **given)
    return await world.run(lambda tx: add_menu_item(tx, command))


async def six_dishes(world):
    """A section, and its dishes by name."""
    within = await section(world)
    return within, {
        name: await dish(
            world, within, name, price, sort_order=order, is_available=name != UNAVAILABLE
        )
        for name, price, order in DISHES
    }


async def lunch(world, *, starts_in=None, pricing=None, **menu):
    """A session of an offering priced by its dishes, and the dishes by name."""
    within, dishes = await six_dishes(world)
    offering = await world.offering(
        Preset.CLASS,
        inventory={"capacity": 100, "party_max": 12},
        pricing={
            **(pricing or {"kind": "items"}),
            "menu": {"section_ids": [str(within.id)], **menu},
        },
    )
    when = {} if starts_in is None else {"starts_in": starts_in}
    return await world.open(offering, **when), dishes


def order(dishes, **quantities):
    """Choices by the dishes' names, as in ``order(dishes, roast_beef=2)``."""
    return tuple(
        Choice(dishes[name.replace("_", " ").capitalize()].id, quantity)
        for name, quantity in quantities.items()
    )
