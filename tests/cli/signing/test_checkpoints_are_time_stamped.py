def test_a_request_is_written_and_mistakes_are_one_line(run, shop, tmp_path):
    run("keygen", "example.com/shop", "--out", tmp_path / "k")
    assert "orders-es checkpoint" in run("timestamp", "request", "--out", tmp_path / "q", "--log", shop, code=2).err
    run("checkpoint", "--key", tmp_path / "k", "--out", tmp_path / "june", "--log", shop)
    assert run("timestamp", "request", "--out", tmp_path / "q", "--log", shop, "--json").json["size"] == 10
    assert (tmp_path / "q").read_bytes()[0] == 0x30
    certificates = ("--ca", tmp_path / "k.pub")
    calls = [
        ("keep", tmp_path / "q", *certificates, "--log", shop),
        ("get", "nonsense", *certificates, "--log", shop),
        ("check", tmp_path / "june", tmp_path / "q", *certificates),
    ]
    for call in calls:
        answer = run("timestamp", *call, code=1 if call[0] == "get" else 2)
        assert answer.err.count("\n") == 1
        assert not answer.out
