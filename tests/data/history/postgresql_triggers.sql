-- Makes `postgresql_triggers.csv` beside this file: `psql -f postgresql_triggers.sql` in an empty database, run in this folder.
-- One audit table for all tables, filled by one trigger, as docs/import-history.md shows it.
CREATE TABLE audit (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    ts TIMESTAMPTZ NOT NULL DEFAULT now(),
    txid BIGINT NOT NULL DEFAULT txid_current(),
    actor TEXT NOT NULL DEFAULT session_user,
    table_name TEXT NOT NULL,
    op TEXT NOT NULL,
    record JSONB,
    old_record JSONB
);
CREATE FUNCTION audit_row() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO audit (table_name, op, record, old_record) VALUES (
        TG_TABLE_NAME, TG_OP,
        CASE WHEN TG_OP IN ('INSERT', 'UPDATE') THEN to_jsonb(NEW) END,
        CASE WHEN TG_OP IN ('UPDATE', 'DELETE') THEN to_jsonb(OLD) END
    );
    RETURN NULL;
END $$;
CREATE TABLE orders (id INT PRIMARY KEY, status TEXT, total NUMERIC(14, 2), paid BOOLEAN, tags TEXT[]);
CREATE TRIGGER audit_rows AFTER INSERT OR UPDATE OR DELETE ON orders FOR EACH ROW EXECUTE FUNCTION audit_row();
CREATE TRIGGER audit_emptied AFTER TRUNCATE ON orders FOR EACH STATEMENT EXECUTE FUNCTION audit_row();
BEGIN; INSERT INTO orders VALUES (1, 'open', 21.00, false, '{a,b}'), (2, 'open', 12345678901.10, false, NULL); COMMIT;
SELECT pg_sleep(0.01);
UPDATE orders SET status = 'paid', paid = true WHERE id = 1;
UPDATE orders SET status = status WHERE id = 2;
DELETE FROM orders WHERE id = 2;
INSERT INTO orders VALUES (2, 'again', 1.50, false, NULL);
ALTER TABLE orders DISABLE TRIGGER audit_rows;
UPDATE orders SET status = 'lost' WHERE id = 1;
ALTER TABLE orders ENABLE TRIGGER audit_rows;
UPDATE orders SET total = 20 WHERE id = 1;
TRUNCATE orders;
\copy (SELECT id, ts, txid, actor, table_name, op, record, old_record FROM audit ORDER BY id) TO 'postgresql_triggers.csv' CSV HEADER
