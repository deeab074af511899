-- A copy of a production database must not talk to partners.
UPDATE logistics_connector
   SET environment = 'sandbox', is_paused = true, state = 'draft',
       base_url = 'https://neutralized.invalid', proxy_url = NULL;
DELETE FROM logistics_credential;
DELETE FROM logistics_token;
