import asyncpg


async def test_migrates(fresh_database):
    urls = await fresh_database("booking")
    connection = await asyncpg.connect(urls.url)
    print(await connection.fetch("select relname from pg_class where relnamespace='public'::regnamespace and relkind='r'"))
    await connection.close()
