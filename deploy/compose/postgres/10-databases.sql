-- Generated from chassis.provision by `python -m devstack deploy-files`.
-- Run once by the postgres image, on an empty volume.
\set ON_ERROR_STOP on

\getenv booking_db BOOKING_DB_PASSWORD
\getenv booking_owner BOOKING_OWNER_PASSWORD
DO $$ BEGIN CREATE ROLE booking LOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$;
ALTER ROLE booking LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS PASSWORD :'booking_db';
DO $$ BEGIN CREATE ROLE booking_owner LOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$;
ALTER ROLE booking_owner LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS PASSWORD :'booking_owner';
GRANT booking TO booking_owner;
CREATE DATABASE "booking" OWNER booking_owner;
REVOKE CONNECT, TEMPORARY ON DATABASE "booking" FROM PUBLIC;
GRANT CONNECT ON DATABASE "booking" TO booking;

\getenv payments_db PAYMENTS_DB_PASSWORD
\getenv payments_owner PAYMENTS_OWNER_PASSWORD
DO $$ BEGIN CREATE ROLE payments LOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$;
ALTER ROLE payments LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS PASSWORD :'payments_db';
DO $$ BEGIN CREATE ROLE payments_owner LOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$;
ALTER ROLE payments_owner LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS PASSWORD :'payments_owner';
GRANT payments TO payments_owner;
CREATE DATABASE "payments" OWNER payments_owner;
REVOKE CONNECT, TEMPORARY ON DATABASE "payments" FROM PUBLIC;
GRANT CONNECT ON DATABASE "payments" TO payments;

\getenv customers_db CUSTOMERS_DB_PASSWORD
\getenv customers_owner CUSTOMERS_OWNER_PASSWORD
DO $$ BEGIN CREATE ROLE customers LOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$;
ALTER ROLE customers LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS PASSWORD :'customers_db';
DO $$ BEGIN CREATE ROLE customers_owner LOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$;
ALTER ROLE customers_owner LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS PASSWORD :'customers_owner';
GRANT customers TO customers_owner;
CREATE DATABASE "customers" OWNER customers_owner;
REVOKE CONNECT, TEMPORARY ON DATABASE "customers" FROM PUBLIC;
GRANT CONNECT ON DATABASE "customers" TO customers;

\getenv notifications_db NOTIFICATIONS_DB_PASSWORD
\getenv notifications_owner NOTIFICATIONS_OWNER_PASSWORD
DO $$ BEGIN CREATE ROLE notifications LOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$;
ALTER ROLE notifications LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS PASSWORD :'notifications_db';
DO $$ BEGIN CREATE ROLE notifications_owner LOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$;
ALTER ROLE notifications_owner LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS PASSWORD :'notifications_owner';
GRANT notifications TO notifications_owner;
CREATE DATABASE "notifications" OWNER notifications_owner;
REVOKE CONNECT, TEMPORARY ON DATABASE "notifications" FROM PUBLIC;
GRANT CONNECT ON DATABASE "notifications" TO notifications;
