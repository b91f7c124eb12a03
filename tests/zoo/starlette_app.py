"""Starlette and FastAPI, misconfigured: one application for each mistake, each on a port of its own."""

import asyncio
import socket

import uvicorn
from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import JSONResponse, RedirectResponse


def application():
    app = FastAPI()

    @app.api_route("/data.json", methods=["GET", "PUT"])
    def data():
        return {}

    @app.get("/items/")
    def items():
        return {}

    @app.get("/broken")
    def broken():
        raise RuntimeError("broken")

    return app


def fine():
    """As it should be: nothing is to be found here."""
    app = application()
    app.add_middleware(
        CORSMiddleware, allow_origins=["http://app.test"], allow_methods=["GET", "PUT"], allow_credentials=True
    )
    return app


def plain():
    """Nobody thought of CORS."""
    return application()


def unhandled():
    """What nobody catches is answered outside the middleware."""
    app = application()
    app.add_middleware(CORSMiddleware, allow_origins=["http://app.test"])
    return app


def friends():
    """A list that this origin is not on."""
    app = application()
    app.add_middleware(CORSMiddleware, allow_origins=["http://friend.test"])
    return app


def names():
    """Only some host names are answered to."""
    app = application()
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=["names.starlette.test"])
    return app


def login():
    """A login in front, which comes after CORS in the list and so before it in fact."""
    app = application()

    @app.middleware("http")
    async def wants_session(request, call_next):
        if "session" in request.cookies or request.url.path.startswith("/login"):
            return await call_next(request)
        return RedirectResponse(f"/login?next={request.url.path}", 302)

    return app


def token():
    """A token is asked for, of OPTIONS too."""
    app = application()
    app.add_middleware(CORSMiddleware, allow_origins=["http://app.test"], allow_methods=["PUT"])

    @app.middleware("http")
    async def wants_token(request, call_next):
        if "authorization" in request.headers:
            return await call_next(request)
        return JSONResponse({}, 401, {"WWW-Authenticate": "Bearer"})

    return app


async def main():
    servers = []
    for site in (fine, plain, unhandled, friends, names, login, token):
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        config = uvicorn.Config(site(), log_level="critical", lifespan="off")
        servers.append(uvicorn.Server(config).serve(sockets=[listener]))
        listener.listen()
        print(site.__name__, listener.getsockname()[1], flush=True)
    await asyncio.gather(*servers)


asyncio.run(main())
