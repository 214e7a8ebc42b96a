"""HTTP for every service: one application factory, one way to refuse, one way in."""

from chassis.http.app import create_app
from chassis.http.body import Body
from chassis.http.dependencies import DB, Caller, database, part, principal, require
from chassis.http.edge import request_id
from chassis.http.replies import json_reply, problem_reply

__all__ = [
    "DB",
    "Body",
    "Caller",
    "create_app",
    "database",
    "json_reply",
    "part",
    "principal",
    "problem_reply",
    "request_id",
    "require",
]
