from orders_es.log import ANY, open_log
from orders_es.orders import OrderPlaced


def test_from_the_first_look_to_a_receipt_with_a_cosignature(run, shop, tmp_path):
    key, witness = tmp_path / "shop.key", tmp_path / "w.key"
    run("keygen", "example.com/shop", "--out", key)
    run("keygen", "example.org/witness", "--witness", "--out", witness)
    run("checkpoint", "--key", key, "--out", tmp_path / "june", "--log", shop)
    run("prove-consistency", "0", "--out", tmp_path / "first.proof", "--log", shop)
    signing = ("--key", witness, "--log-key", f"{key}.pub")
    run("witness", "sign", tmp_path / "first.proof", *signing, "--out", tmp_path / "cosigned")
    (tmp_path / "answers").mkdir()
    assert "holds no file" in run("witness", "add", tmp_path / "answers", "--witness", "x", "--log", shop, code=2).err
    (tmp_path / "cosigned").rename(tmp_path / "answers" / "cosigned")
    said = run("witness", "add", tmp_path / "answers", "--witness", f"{witness}.pub", "--log", shop, "--json").json
    assert (said["witnesses"], said["size"]) == (["example.org/witness"], 10)
    run("prove", "A-1", "--out", tmp_path / "receipt", "--log", shop)
    checking = ("verify-proof", tmp_path / "receipt", "--key", f"{key}.pub", "--witness", f"{witness}.pub")
    assert "cosigned by example.org/witness at" in run(*checking).out

    with open_log(str(shop)) as log:
        log.append("A-9", [OrderPlaced()], expected=ANY)
    run("checkpoint", "--key", key, "--log", shop)
    run("prove-consistency", tmp_path / "june", "--out", tmp_path / "next.proof", "--log", shop)
    assert run("witness", "sign", tmp_path / "next.proof", *signing).out.startswith("— example.org/witness ")
    again = run("witness", "sign", tmp_path / "next.proof", *signing, code=1)
    assert "has seen 11" in again.err
    assert again.err.count("\n") == 1
