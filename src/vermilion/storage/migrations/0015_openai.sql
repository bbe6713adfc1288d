-- files have a purpose and batches remember their face, as OpenAI's clients expect
-- depends: 0014_terms

-- migrate: apply

ALTER TABLE assets ADD COLUMN purpose text;
-- What the face that it came through has to remember of a batch.
ALTER TABLE batches ADD COLUMN wire json;

-- migrate: rollback
ALTER TABLE assets DROP COLUMN purpose;
ALTER TABLE batches DROP COLUMN wire;
