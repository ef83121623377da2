\set n :n + 1
\set command (:round * 1000 + :client_id) * 1000000 + :n
\set payer random(1, :registrars)
SELECT create_domain('b' || :round::int || '-c' || :client_id::int || '-' || :n::int || '.example', 'r' || :payer::int, :command);
