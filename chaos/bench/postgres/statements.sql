\set n :n + 1
\set command (:round * 1000 + :client_id) * 1000000 + :n
\set payer random(1, :registrars)
BEGIN;
SELECT id AS registrar, 'b' || :round::int || '-c' || :client_id::int || '-' || :n::int || '.example' AS domain FROM registrars WHERE id = 'r' || :payer::int AND NOT suspended \gset
SELECT create_price AS price, nextval('numbers') AS object, nextval('numbers') AS event, nextval('numbers') AS entry FROM tlds WHERE name = 'example' \gset
INSERT INTO domains VALUES (:domain, :object, 'example', :registrar, :registrar, now(), now() + interval '1 year', 0, 'bench-owner', 'bench-admin', 'bench-tech', decode(repeat('a5', 36), 'hex'), 1, now() + interval '5 days', :entry, :event);
INSERT INTO due VALUES (now() + interval '1 year', :domain);
INSERT INTO host_links SELECT number, :object, :domain FROM hosts WHERE name IN ('ns1.bench.test', 'ns2.bench.test');
INSERT INTO contact_links SELECT number, :object, :domain FROM contacts WHERE id IN ('bench-owner', 'bench-admin', 'bench-tech');
INSERT INTO history VALUES (:event, now(), :registrar, 'site1-1-' || :command::bigint, 'cl-' || :command::bigint, 'domain.create', :domain, :object, NULL, sha256(convert_to(:domain::text, 'UTF8')), decode(repeat('5a', 16), 'hex'));
INSERT INTO bodies VALUES (:event, 20, decode(repeat('c3', 160), 'hex'));
INSERT INTO command_results VALUES ('site1', :command, 1000, decode(repeat('3c', 60), 'hex'));
INSERT INTO zone_dirty VALUES ('example', :domain, :event);
UPDATE accounts SET balance = balance - :price::bigint WHERE name = 'registrar/' || :registrar::text AND currency = 'USD' AND balance + credit_limit >= :price::bigint RETURNING balance AS left_over \gset
INSERT INTO ledger VALUES (:entry, now(), 'registrar/' || :registrar::text, 'revenue/example', :price, 'USD', 'create', :domain);
INSERT INTO postings VALUES ('registrar/' || :registrar::text, 'USD', :entry::bigint, -:price::bigint, :left_over::bigint), ('revenue/example', 'USD', :entry::bigint, :price::bigint, NULL);
COMMIT;
