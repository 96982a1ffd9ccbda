-- Domains, forwardings, users and transports for MySQL and MariaDB. In the data base "mail":
--
--   CREATE DATABASE mail CHARACTER SET utf8mb4;
--   CREATE USER postfix IDENTIFIED BY 'toto';
--   GRANT SELECT ON mail.* TO postfix;
--
-- Postfix looks addresses up in lower case; the binary collation compares them as they are, so that
-- jose@ is another user than josé@, and the checks keep out what could never be found.

CREATE TABLE domains (
  domain VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  PRIMARY KEY (domain),
  CHECK (domain = LOWER(domain))
);

-- source: user@domain or @domain; destination: addresses separated by commas, or one @domain.
CREATE TABLE forwardings (
  source VARCHAR(320) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  destination TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  PRIMARY KEY (source),
  CHECK (source = LOWER(source))
);

-- quota: bytes, 0 is no limit.
CREATE TABLE users (
  email VARCHAR(320) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  password VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  quota BIGINT UNSIGNED NOT NULL DEFAULT 0,
  PRIMARY KEY (email),
  CHECK (email = LOWER(email))
);

-- domain: user@domain, domain, .domain (all below it) or *; the most specific row counts, whatever
-- the order. transport: smtp:[192.0.2.1], : for delivery as if there were no row, ...
CREATE TABLE transport (
  domain VARCHAR(320) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  transport VARCHAR(320) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  PRIMARY KEY (domain),
  CHECK (domain = LOWER(domain))
);
