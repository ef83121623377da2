-- A registry's tables, with the keys that Quorate's state has. There are no foreign keys: their locks on hosts and contacts would slow
-- every transaction down, and Quorate has none either.
CREATE SEQUENCE numbers;
CREATE TABLE registrars (id text PRIMARY KEY, suspended boolean NOT NULL);
CREATE TABLE tlds (name text PRIMARY KEY, create_price bigint NOT NULL, currency text NOT NULL, add_grace interval NOT NULL);
CREATE TABLE hosts (name text PRIMARY KEY, number bigint NOT NULL UNIQUE);
CREATE TABLE contacts (id text PRIMARY KEY, number bigint NOT NULL UNIQUE);
CREATE TABLE domains (
  name text PRIMARY KEY, number bigint NOT NULL, tld text NOT NULL, sponsor text NOT NULL, creator text NOT NULL,
  created timestamptz NOT NULL, expires timestamptz NOT NULL, statuses integer NOT NULL, registrant text NOT NULL, admin text NOT NULL,
  tech text NOT NULL, auth_info bytea NOT NULL, grace_kind smallint, grace_ends timestamptz, grace_charge bigint, last_event bigint NOT NULL);
CREATE TABLE due (at timestamptz, name text, PRIMARY KEY (at, name));
CREATE TABLE host_links (host bigint, domain bigint, name text NOT NULL, PRIMARY KEY (host, domain));
CREATE TABLE contact_links (contact bigint, domain bigint, name text NOT NULL, PRIMARY KEY (contact, domain));
CREATE TABLE accounts (
  name text, currency text, balance bigint NOT NULL, credit_limit bigint NOT NULL, PRIMARY KEY (name, currency));
CREATE TABLE ledger (
  number bigint PRIMARY KEY, at timestamptz NOT NULL, from_account text NOT NULL, to_account text NOT NULL, amount bigint NOT NULL,
  currency text NOT NULL, why text NOT NULL, object text NOT NULL);
CREATE TABLE postings (
  account text, currency text, entry bigint, amount bigint NOT NULL, balance_after bigint, PRIMARY KEY (account, currency, entry));
CREATE TABLE history (
  number bigint PRIMARY KEY, at timestamptz NOT NULL, actor text NOT NULL, command text NOT NULL, cltrid text NOT NULL,
  event text NOT NULL, object text NOT NULL, object_number bigint NOT NULL, before bytea, after bytea NOT NULL, salt bytea NOT NULL);
CREATE INDEX history_by_cltrid ON history (actor, cltrid, number);
CREATE TABLE bodies (number bigint PRIMARY KEY, kind integer NOT NULL, body bytea NOT NULL);
CREATE TABLE command_results (node text, sequence bigint, code integer NOT NULL, reply bytea NOT NULL, PRIMARY KEY (node, sequence));
CREATE TABLE zone_dirty (zone text, owner text, marked bigint NOT NULL, PRIMARY KEY (zone, owner));

INSERT INTO tlds VALUES ('example', 800, 'USD', '5 days');
INSERT INTO hosts VALUES ('ns1.bench.test', nextval('numbers')), ('ns2.bench.test', nextval('numbers'));
INSERT INTO contacts VALUES ('bench-owner', nextval('numbers')), ('bench-admin', nextval('numbers')), ('bench-tech', nextval('numbers'));
INSERT INTO registrars SELECT 'r' || n, false FROM generate_series(1, 1000) n;
INSERT INTO accounts SELECT 'registrar/r' || n, 'USD', 1000000000000, 0 FROM generate_series(1, 1000) n;

-- The whole transaction as one call: nothing travels between client and server but a name and an answer. The account comes last, so
-- that its row is locked for as short a time as can be.
CREATE FUNCTION create_domain(domain text, registrar text, command bigint, OUT expires timestamptz) LANGUAGE plpgsql AS $$
DECLARE
  price bigint;
  object bigint := nextval('numbers');
  event bigint := nextval('numbers');
  entry bigint := nextval('numbers');
  left_over bigint;
BEGIN
  PERFORM FROM registrars WHERE id = registrar AND NOT suspended;
  IF NOT FOUND THEN RAISE 'no such registrar'; END IF;
  SELECT create_price INTO STRICT price FROM tlds WHERE name = 'example';
  expires := now() + interval '1 year';
  INSERT INTO domains VALUES (domain, object, 'example', registrar, registrar, now(), expires, 0, 'bench-owner', 'bench-admin', 'bench-tech',
    decode(repeat('a5', 36), 'hex'), 1, now() + interval '5 days', entry, event);
  INSERT INTO due VALUES (expires, domain);
  INSERT INTO host_links SELECT number, object, domain FROM hosts WHERE name IN ('ns1.bench.test', 'ns2.bench.test');
  INSERT INTO contact_links SELECT number, object, domain FROM contacts WHERE id IN ('bench-owner', 'bench-admin', 'bench-tech');
  INSERT INTO history VALUES (event, now(), registrar, 'site1-1-' || command, 'cl-' || command, 'domain.create', domain, object, NULL,
    sha256(convert_to(domain, 'UTF8')), decode(repeat('5a', 16), 'hex'));
  INSERT INTO bodies VALUES (event, 20, decode(repeat('c3', 160), 'hex'));
  INSERT INTO command_results VALUES ('site1', command, 1000, decode(repeat('3c', 60), 'hex'));
  INSERT INTO zone_dirty VALUES ('example', domain, event);
  UPDATE accounts SET balance = balance - price WHERE name = 'registrar/' || registrar AND currency = 'USD' AND balance + credit_limit >= price
    RETURNING balance INTO left_over;
  IF NOT FOUND THEN RAISE 'the balance does not cover the price'; END IF;
  INSERT INTO ledger VALUES (entry, now(), 'registrar/' || registrar, 'revenue/example', price, 'USD', 'create', domain);
  INSERT INTO postings VALUES ('registrar/' || registrar, 'USD', entry, -price, left_over), ('revenue/example', 'USD', entry, price, NULL);
END $$;
