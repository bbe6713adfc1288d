-- what was done to somebody, or of one kind, is found however long the log is
-- depends: 0017_costs 0017_favourites

-- migrate: apply

CREATE INDEX audit_of_subject ON audit (subject_id, id);
CREATE INDEX audit_of_act ON audit (act, id);

-- migrate: rollback
DROP INDEX audit_of_subject, audit_of_act;
