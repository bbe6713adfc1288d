-- people who sign in to the dashboard, and their sessions
-- depends: 0002_webhook_faces

-- migrate: apply

-- A person who may sign in for an account: owners act, viewers look.
CREATE TABLE members (
    id            uuid PRIMARY KEY,
    account_id    uuid NOT NULL REFERENCES accounts (id),
    email         text NOT NULL,
    name          text NOT NULL,
    role          text NOT NULL CHECK (role IN ('owner', 'viewer')),
    password_hash text,
    -- `issuer subject` of an OpenID Connect identity that was used to sign in.
    identity      text UNIQUE,
    settings      jsonb NOT NULL DEFAULT '{}',
    created_at    timestamptz NOT NULL DEFAULT now(),
    seen_at       timestamptz
);
CREATE UNIQUE INDEX members_email ON members (lower(email));
CREATE INDEX members_account ON members (account_id, id);

CREATE TABLE sessions (
    id         uuid PRIMARY KEY,
    member_id  uuid NOT NULL REFERENCES members (id) ON DELETE CASCADE,
    token_hash bytea NOT NULL UNIQUE,
    -- An operator who looks at a customer's pages, read-only.
    views_id   uuid REFERENCES accounts (id),
    agent      text NOT NULL,
    address    text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    seen_at    timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL
);
CREATE INDEX sessions_member ON sessions (member_id, id);
CREATE INDEX sessions_due ON sessions (expires_at);

-- One-time links by which a member sets a password: the first operator's claim, invitations, resets.
CREATE TABLE member_links (
    token_hash bytea PRIMARY KEY,
    member_id  uuid NOT NULL REFERENCES members (id) ON DELETE CASCADE,
    expires_at timestamptz NOT NULL
);

-- Failed sign-ins by e-mail and by address, so that guessing becomes slow.
CREATE TABLE sign_in_failures (
    subject      text PRIMARY KEY,
    failures     integer NOT NULL,
    locked_until timestamptz NOT NULL,
    at           timestamptz NOT NULL DEFAULT now()
);

-- migrate: rollback
DROP TABLE sign_in_failures, member_links, sessions, members;
