-- banned words, and what operators decide about texts
-- depends: 0004_wire

-- migrate: apply

-- Without an account a word holds for everyone. The form is the word as it is looked for.
CREATE TABLE banned_words (
    id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    account_id uuid REFERENCES accounts (id),
    word       text NOT NULL,
    form       text NOT NULL,
    act        text NOT NULL CHECK (act IN ('block', 'flag', 'allow')),
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX banned_words_once ON banned_words (account_id, form) NULLS NOT DISTINCT;

-- What to begin with: sexual images of children and of people who did not consent. Operators edit the list.
INSERT INTO banned_words (word, form, act) VALUES
    ('child porn*', 'child porn*', 'block'), ('kiddie porn*', 'kiddie porn*', 'block'),
    ('loli porn*', 'loli porn*', 'block'), ('lolicon', 'lolicon', 'block'), ('shotacon', 'shotacon', 'block'),
    ('child sex*', 'child sex*', 'block'), ('sexy child', 'sexy child', 'block'),
    ('sexy children', 'sexy children', 'block'), ('nude child', 'nude child', 'block'),
    ('nude children', 'nude children', 'block'), ('naked child', 'naked child', 'block'),
    ('naked children', 'naked children', 'block'), ('preteen nude*', 'preteen nude*', 'block'),
    ('nude preteen*', 'nude preteen*', 'block'), ('underage sex*', 'underage sex*', 'block'),
    ('underage nude*', 'underage nude*', 'block'), ('underage porn*', 'underage porn*', 'block'),
    ('teen porn*', 'teen porn*', 'block'), ('revenge porn*', 'revenge porn*', 'block'),
    ('deepfake porn*', 'deepfake porn*', 'block'), ('rape porn*', 'rape porn*', 'block'),
    ('nonconsensual porn*', 'nonconsensual porn*', 'block'), ('bestiality', 'bestiality', 'block'),
    ('zoophilia', 'zoophilia', 'block'), ('snuff film*', 'snuff film*', 'block');

-- What the filters found, for a person to look at. What is decided about a text holds for the account from then on.
CREATE TABLE reviews (
    id          uuid PRIMARY KEY,
    account_id  uuid NOT NULL REFERENCES accounts (id),
    kind        text NOT NULL CHECK (kind IN ('text', 'media')),
    act         text NOT NULL CHECK (act IN ('block', 'flag')),
    state       text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'approved', 'denied')),
    task_id     uuid,
    model       text,
    task_type   text,
    pointer     text,
    text        text,
    text_hash   bytea,
    rule        text NOT NULL,
    found       text,
    asset_id    uuid,
    score       real,
    seen        integer NOT NULL DEFAULT 1,
    decided_by  uuid,
    decided_at  timestamptz,
    note        text,
    created_at  timestamptz NOT NULL DEFAULT now(),
    seen_at     timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX reviews_text ON reviews (account_id, text_hash) WHERE kind = 'text';
CREATE UNIQUE INDEX reviews_asset ON reviews (asset_id) WHERE kind = 'media';
CREATE INDEX reviews_state ON reviews (state, id);
CREATE INDEX reviews_account ON reviews (account_id, id);
CREATE INDEX reviews_age ON reviews (seen_at);

-- Keys that may change the account's keys may change its words.
UPDATE api_keys SET scopes = array_append(scopes, 'words:write') WHERE 'keys:write' = ANY (scopes);

-- migrate: rollback
UPDATE api_keys SET scopes = array_remove(scopes, 'words:write');
DROP TABLE reviews, banned_words;
