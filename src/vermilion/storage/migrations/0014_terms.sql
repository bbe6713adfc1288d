-- the operator's terms for offers: published one after the other, never changed
-- depends: 0013_families_of_tasks 0013_media_reviews

-- migrate: apply

-- The newest one whose time has come holds. Terms are where an offer differs from the packaged catalogue.
CREATE TABLE terms (
    model     text NOT NULL,
    task_type text NOT NULL,
    number    integer NOT NULL CHECK (number > 0),
    terms     jsonb NOT NULL,
    reason    text NOT NULL,
    actor_id  uuid NOT NULL,
    from_at   timestamptz NOT NULL,
    at        timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (model, task_type, number)
);
CREATE TRIGGER terms_immutable BEFORE UPDATE OR DELETE ON terms FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- migrate: rollback
DROP TABLE terms;
