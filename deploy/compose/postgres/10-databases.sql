-- Generated from chassis.provision by `python -m devstack deploy-files`.
-- Run once by the postgres image, on an empty volume.
\set ON_ERROR_STOP on

\getenv password BOOKING_DB_PASSWORD
\getenv owner_password BOOKING_OWNER_PASSWORD
DO $$ BEGIN CREATE ROLE booking LOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$;
ALTER ROLE booking LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS PASSWORD :'password';
DO $$ BEGIN CREATE ROLE booking_owner LOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$;
ALTER ROLE booking_owner LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS PASSWORD :'owner_password';
GRANT booking TO booking_owner;
CREATE DATABASE "booking" OWNER booking_owner;
REVOKE CONNECT, TEMPORARY ON DATABASE "booking" FROM PUBLIC;
GRANT CONNECT ON DATABASE "booking" TO booking;

\getenv password PAYMENTS_DB_PASSWORD
\getenv owner_password PAYMENTS_OWNER_PASSWORD
DO $$ BEGIN CREATE ROLE payments LOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$;
ALTER ROLE payments LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS PASSWORD :'password';
DO $$ BEGIN CREATE ROLE payments_owner LOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$;
ALTER ROLE payments_owner LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS PASSWORD :'owner_password';
GRANT payments TO payments_owner;
CREATE DATABASE "payments" OWNER payments_owner;
REVOKE CONNECT, TEMPORARY ON DATABASE "payments" FROM PUBLIC;
GRANT CONNECT ON DATABASE "payments" TO payments;

\getenv password CUSTOMERS_DB_PASSWORD
\getenv owner_password CUSTOMERS_OWNER_PASSWORD
DO $$ BEGIN CREATE ROLE customers LOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$;
ALTER ROLE customers LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS PASSWORD :'password';
DO $$ BEGIN CREATE ROLE customers_owner LOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$;
ALTER ROLE customers_owner LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS PASSWORD :'owner_password';
GRANT customers TO customers_owner;
CREATE DATABASE "customers" OWNER customers_owner;
REVOKE CONNECT, TEMPORARY ON DATABASE "customers" FROM PUBLIC;
GRANT CONNECT ON DATABASE "customers" TO customers;

\getenv password NOTIFICATIONS_DB_PASSWORD
\getenv owner_password NOTIFICATIONS_OWNER_PASSWORD
DO $$ BEGIN CREATE ROLE notifications LOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$;
ALTER ROLE notifications LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS PASSWORD :'password';
DO $$ BEGIN CREATE ROLE notifications_owner LOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$;
ALTER ROLE notifications_owner LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS PASSWORD :'owner_password';
GRANT notifications TO notifications_owner;
CREATE DATABASE "notifications" OWNER notifications_owner;
REVOKE CONNECT, TEMPORARY ON DATABASE "notifications" FROM PUBLIC;
GRANT CONNECT ON DATABASE "notifications" TO notifications;
