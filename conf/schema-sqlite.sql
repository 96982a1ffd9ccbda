-- Domains, forwardings, users and transports for SQLite:
--
--   sqlite3 /etc/postfix/mail.sqlite <schema-sqlite.sql
--   chown root:postfix /etc/postfix/mail.sqlite && chmod 0640 /etc/postfix/mail.sqlite
--
-- Postfix looks addresses up in lower case; the checks keep out what could never be found.

CREATE TABLE domains (
  domain TEXT NOT NULL PRIMARY KEY CHECK (domain = lower(domain))
);

-- source: user@domain or @domain; destination: addresses separated by commas, or one @domain.
CREATE TABLE forwardings (
  source TEXT NOT NULL PRIMARY KEY CHECK (source = lower(source)),
  destination TEXT NOT NULL
);

-- quota: bytes, 0 is no limit.
CREATE TABLE users (
  email TEXT NOT NULL PRIMARY KEY CHECK (email = lower(email)),
  password TEXT NOT NULL,
  quota INTEGER NOT NULL DEFAULT 0 CHECK (quota >= 0)
);

-- domain: user@domain, domain, .domain (all below it) or *; the most specific row counts, whatever
-- the order. transport: smtp:[192.0.2.1], : for delivery as if there were no row, ...
CREATE TABLE transport (
  domain TEXT NOT NULL PRIMARY KEY CHECK (domain = lower(domain)),
  transport TEXT NOT NULL
);
