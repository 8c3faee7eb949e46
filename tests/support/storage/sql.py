"""What somebody else does to a database."""

from sqlalchemy import NullPool, create_engine, make_url, text


def execute(database_url: str, *statements: str) -> None:
    url = make_url(database_url.replace("postgresql:", "postgresql+psycopg:"))
    engine = create_engine(url, poolclass=NullPool)
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))
