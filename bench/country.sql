-- A country of chargers and two years of their sessions, for `python -m bench --only pages`.
-- Statements are separated by empty lines; what is given to them is in country.py.
CREATE TEMP TABLE n (i INTEGER PRIMARY KEY)

INSERT INTO n WITH RECURSIVE counted(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM counted WHERE i < :sessions)
SELECT i FROM counted

INSERT INTO site (id, uuid, name, name_folded, address, city, country, time_zone, latitude, longitude,
                  created_at, changed_at, is_public, grid_limit_w)
SELECT i, printf('00000000-0000-4000-8000-%012d', i), 'Site ' || i, 'site ' || i, 'Road ' || i, 'Town ' || (i % 40), 'ESP',
       'Europe/Madrid', 36 + (i * 37 % 700) / 100.0, -6 + (i * 53 % 800) / 100.0, :begun, :begun, i % 2,
       CASE WHEN i % 3 = 0 THEN 100000 END
FROM n WHERE i <= :chargers / 10

INSERT INTO charger (id, identity, identity_folded, slug, name, sorting_name, location, latitude, longitude, admission,
                     policy, is_simulated, protocol, vendor, model, serial_number, firmware_version, status, status_at,
                     clock_skew_s, booted_at, accepted_at, created_at, security_profile, proven_profile, is_strict,
                     own_tag, site_id)
SELECT i, printf('CS-%05d', i), printf('cs-%05d', i), printf('slug-%05d', i), 'Charger ' || i,
       printf('charger %010d', i), 'Bay ' || (i % 90),
       36 + (i * 37 % 7000) / 1000.0, -6 + (i * 53 % 8000) / 1000.0, CASE WHEN i % 400 = 0 THEN 'pending' ELSE 'accepted' END,
       'known', 0, 'ocpp1.6', 'Vendor ' || (i % 7), 'Model ' || (i % 20), printf('SN%08d', i), '1.' || (i % 12), 'Available',
       :now, 0.1, :begun, :begun, :begun, 1, 1, 0, printf('OWN%012d', i), 1 + i % (:chargers / 10)
FROM n WHERE i <= :chargers

INSERT INTO link_lease (charger_id, epoch, node, address, is_secure, connected_at, online_until, last_seen_at,
                        last_heartbeat_at, chain, closed_at, offered_profile)
SELECT id, 1, 'elsewhere', '10.0.0.1', 1, :begun, CASE WHEN id % 20 THEN datetime(:now, '+7 days') || '.000000'
       ELSE :begun END, :now, :now, x'', CASE WHEN id % 20 = 0 THEN :begun END, 1
FROM charger

INSERT INTO evse (id, charger_id, number) SELECT i, 1 + (i - 1) / 2, 1 + (i - 1) % 2 FROM n WHERE i <= 2 * :chargers

INSERT INTO connector (id, charger_id, evse_id, evse_number, number, slug, type, max_power_w, status, status_word, status_at,
                       reported_at, register_wh, code, uuid, standard, format, power_type)
SELECT id, charger_id, id, number, 1, printf('plug-%06d', id), 'Type 2', 22000,
       CASE WHEN id % 500 = 3 THEN 'Faulted' ELSE 'Available' END, NULL, :now, :now,
       id * 1000, printf('%06d', id), printf('00000000-0000-4000-9000-%012d', id), 'IEC_62196_T2', 'SOCKET', 'AC_3_PHASE'
FROM evse

INSERT INTO configuration_key (charger_id, name, value, is_readonly, needs_reboot, is_missing, read_at)
SELECT charger.id, 'Key' || i, i, 0, 0, 0, :now FROM charger CROSS JOIN n WHERE i <= 40

INSERT INTO account (id, name, email, is_service, balance_cents, balance_wh, created_at)
SELECT i, 'Driver ' || i, 'driver' || i || '@example.org', 0, 5000, 0, :begun FROM n WHERE i <= :sessions / 200

INSERT INTO id_token (id, uid, uid_folded, label, account_id, is_allowed, pin_tries, created_at, last_seen_at)
SELECT id, printf('04%010X', id), printf('04%010x', id), 'Card ' || id, id, 1, 0, :begun, :now FROM account

INSERT INTO vehicle (account_id, brand, model, created_at) SELECT id, 'Brand', 'Model', :begun FROM account

-- Sessions: numbers without order, as ours are; connectors in turn; the newest twentieth of the connectors charges now.
CREATE TEMP TABLE s AS
SELECT i, (i * 1327217885) % 2147483647 AS id, 1 + (i * 7919) % (2 * :chargers) AS connector_id,
       CASE WHEN i % 10 THEN 1 + (i * 31) % (:sessions / 200) END AS account_id,
       strftime('%Y-%m-%d %H:%M:%f000', :now, ((i - :sessions) * 63072000.0 / :sessions - 7200) || ' seconds') AS started_at,
       1800 + (i * 7) % 5400 AS lasted_s, 4000 + (i * 13) % 40000 AS energy_wh,
       i > :sessions - :chargers / 20 AS is_on
FROM n

INSERT INTO "transaction" (id, charger_id, connector_id, reference, start_key, state, source, secret, id_tag, id_token_id,
                           account_id, authorization, started_at, start_received_at, ended_at, end_received_at, stop_reason,
                           idle_s, meter_start_wh, meter_stop_wh, meter_last_wh, meter_last_at, energy_wh, power_w, flags,
                           tariff_version_id, cost_cents, bill, is_free)
SELECT id, 1 + (connector_id - 1) / 2, connector_id, CAST(id AS TEXT), id, CASE WHEN is_on THEN 'active' ELSE 'ended' END,
       CASE WHEN i % 3 THEN 'local' ELSE 'remote' END, printf('%024d', id), printf('04%010X', account_id), account_id,
       account_id, 'Accepted', started_at, started_at, ended_at, ended_at, CASE WHEN NOT is_on THEN 'EVDisconnected' END, 0,
       1000, CASE WHEN NOT is_on THEN 1000 + energy_wh END, 1000 + energy_wh, coalesce(ended_at, started_at), energy_wh,
       CASE WHEN is_on THEN 11000 END, CASE WHEN i % 5000 THEN '[]' ELSE '["clock_suspect"]' END, 1,
       CASE WHEN NOT is_on THEN energy_wh / 20 END,
       CASE WHEN NOT is_on THEN printf(:line, energy_wh, energy_wh / 20) END, 0
FROM (SELECT *, CASE WHEN NOT is_on THEN
             strftime('%Y-%m-%d %H:%M:%f000', started_at, lasted_s || ' seconds') END AS ended_at FROM s)
ORDER BY id

INSERT INTO cdr (uuid, transaction_id, charger_id, account_id, tariff_version_id, id_tag, is_remote, started_at, ended_at,
                 energy_wh, duration_s, idle_s, currency, total_cents, vat_cents, body, made_at)
SELECT printf('00000000-0000-4000-a000-%012d', id), id, charger_id, account_id, 1, id_tag, source = 'remote', started_at,
       ended_at, energy_wh, 3600, 0, 'EUR', cost_cents, cost_cents * 21 / 121,
       printf('{"charger":"CS-%05d","cdr_location":{},"charging_periods":[],"costs":{}}', charger_id), ended_at
FROM "transaction" WHERE ended_at IS NOT NULL ORDER BY ended_at

INSERT INTO ledger_entry (account_id, kind, amount_cents, energy_wh, transaction_id, created_at)
SELECT account_id, 'session', -cost_cents, 0, id, ended_at FROM "transaction"
WHERE account_id IS NOT NULL AND ended_at IS NOT NULL ORDER BY ended_at

-- Readings of the newest sessions, ten each.
INSERT INTO reading (charger_id, connector_id, transaction_id, measured_at, received_at, context, energy_wh, power_w, samples,
                     digest)
SELECT (connector_id + 1) / 2, connector_id, id, at, at, 'Sample.Periodic', 1000 + energy_wh * part / 10, 11000, '[]',
       number * 10 + part
FROM (SELECT s.*, s.i AS number, n.i AS part,
             strftime('%Y-%m-%d %H:%M:%f000', started_at, (lasted_s * n.i / 10) || ' seconds') AS at
      FROM s CROSS JOIN n WHERE s.i > :sessions * 0.98 AND n.i <= 10)

INSERT INTO frame (id, charger_id, epoch, at, direction, message_type, message_id, action, text, reply, latency_us, verdict,
                   chain)
SELECT i, 1 + i % :chargers, 1, strftime('%Y-%m-%d %H:%M:%f000', :now, ((i - :sessions / 2) * 0.5) || ' seconds'), 'in', 2,
       printf('m%d', i), CASE i % 3 WHEN 0 THEN 'Heartbeat' WHEN 1 THEN 'MeterValues' ELSE 'StatusNotification' END,
       printf('[2,"m%d","Heartbeat",{}]', i), printf('[3,"m%d",{}]', i), 900, 'valid', x''
FROM n WHERE i <= :sessions / 2

INSERT INTO serial (name, last) SELECT 'conformance', :sessions / 2

INSERT INTO status_event (charger_id, evse_number, connector_number, status, at, received_at, digest)
SELECT 1 + (i / 2) % :chargers, 1 + i % 2, 1, CASE (i / 2 / :chargers) % 3 WHEN 0 THEN 'Available' WHEN 1 THEN 'Preparing'
       ELSE 'Charging' END, at, at, i
FROM (SELECT i, strftime('%Y-%m-%d %H:%M:%f000', :now, ((i - :sessions / 2) * 10) || ' seconds') AS at
      FROM n WHERE i <= :sessions / 2)

INSERT INTO uptime_register (connector_id, day, known_total_s, outage_total_s, excluded_total_s)
SELECT id, date(:now, (-n.i) || ' days'), (366 - n.i) * 86400, (366 - n.i) * (id % 1000), 0
FROM connector CROSS JOIN n WHERE n.i <= 365

INSERT INTO command (id, charger_id, kind, arguments, state, is_late, requested_by, requested_at, deliver_until, answered_at,
                     is_automatic)
SELECT printf('00000000-0000-4000-b000-%012d', i), 1 + i % :chargers, 'unlock', '{"evse": 1}', 'accepted', 0, 'olga', at, at,
       at, 0
FROM (SELECT i, strftime('%Y-%m-%d %H:%M:%f000', :now, (-i * 100) || ' seconds') AS at FROM n WHERE i <= :sessions / 10)

DELETE FROM audit_entry

INSERT INTO audit_entry (at, actor, action, subject, position, chain)
SELECT strftime('%Y-%m-%d %H:%M:%f000', :now, ((i - :sessions / 10) * 100) || ' seconds'), 'olga', 'charger.edit',
       'CS-' || i, i, printf('%064x', i)
FROM n WHERE i <= :sessions / 10

INSERT INTO attempt (identity, address, cause, path, detail, remedy, status_code, count, first_at, last_at)
SELECT 'NEW-' || i, '10.1.0.' || i, 'unknown_charger', '/ws/ocpp/NEW-' || i, '', '', 404, 9, :begun, :now
FROM n WHERE i <= 200

INSERT INTO security_event (charger_id, type, is_critical, is_open, at, received_at, digest)
SELECT 1 + i % :chargers, 'TamperDetectionActivated', 1, i % 500 = 0, :begun, :begun, i FROM n WHERE i <= :sessions / 50

INSERT INTO repair (charger_id, transaction_id, kind, state, confidence, energy_wh, energy_from, evidence, before, made_at)
SELECT charger_id, id, 'boot', 'done', 'high', energy_wh, 'last_reading', '[]', '{}', ended_at
FROM "transaction" WHERE ended_at IS NOT NULL AND id % 200 = 0

INSERT INTO reservation (charger_id, evse, id_tag, account_id, starts_at, expires_at, state, created_by, created_at)
SELECT 1 + i % :chargers, 1, printf('04%010X', i), i, :begun, :begun, 'expired', 'olga', :begun
FROM n WHERE i <= :sessions / 200

INSERT INTO mail (message_id, kind, recipient, recipient_folded, subject, is_secret, state, attempts, sent_at, created_at,
                  language)
SELECT printf('00000000-0000-4000-c000-%012d', i), 'receipt', 'a@example.org', 'a@example.org', 'Your receipt', 0, 'sent', 1,
       :begun, :begun, 'en'
FROM n WHERE i <= :sessions / 20

UPDATE connector SET status = 'Charging' WHERE id IN (SELECT connector_id FROM "transaction" WHERE state = 'active')

UPDATE account SET balance_cents = 5000 + booked.cents
FROM (SELECT account_id, sum(amount_cents) AS cents FROM ledger_entry GROUP BY account_id) AS booked
WHERE booked.account_id = account.id

UPDATE user_ SET account_id = 1 WHERE username = :driver
