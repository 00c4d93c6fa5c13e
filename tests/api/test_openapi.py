"""The document and its pages over HTTP; answers of the broker fit the document."""

from tests.support.running import Running


async def test_the_document_and_its_pages_are_public(broker: Running) -> None:
    document = (await broker.anonymous.get("/openapi.json")).expect(200)
    assert document["openapi"].startswith("3.1")
    for path, kind in (
        ("/docs", "text/html"),
        ("/docs/style.css", "text/css"),
        ("/problems/conflict", "text/html"),
    ):
        reply = await broker.anonymous.get(path)
        assert reply.status == 200
        assert reply.headers["Content-Type"].startswith(kind)
        policy = reply.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert reply.headers["X-Content-Type-Options"] == "nosniff"


async def test_the_type_of_a_problem_leads_to_its_page(broker: Running) -> None:
    document = (await broker.anonymous.get("/v1/me")).problem(401, "unauthenticated")
    assert (await broker.anonymous.get(document["type"])).status == 200
    (await broker.anonymous.get("/problems/nothing")).problem(404, "not_found")


async def test_answers_have_the_fields_that_the_document_requires(broker: Running) -> None:
    document = (await broker.anonymous.get("/openapi.json")).expect(200)
    await broker.app()
    agent = await broker.agent()
    for template, path in (
        ("/v1/me", "/v1/me"),
        ("/v1/accounts/{account}", "/v1/accounts/admin"),
        ("/v1/accounts/{account}/quota", "/v1/accounts/admin/quota"),
        ("/v1/apps/{app}", "/v1/apps/sleep"),
        ("/v1/apps/{app}/versions/{number}", "/v1/apps/sleep/versions/1"),
        ("/v1/hosts/{host}", f"/v1/hosts/{agent.host}"),
        ("/v1/hosts", "/v1/hosts"),
    ):
        answer = (await broker.admin.get(path)).expect(200)
        content = document["paths"][template]["get"]["responses"]["200"]["content"]
        name = content["application/json"]["schema"]["$ref"].rpartition("/")[2]
        schema = document["components"]["schemas"][name]
        assert set(schema["required"]) <= answer.keys() <= schema["properties"].keys()
