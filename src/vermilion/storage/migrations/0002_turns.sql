-- each account's place in each queue
-- depends: 0001_core

-- migrate: apply

-- The rank of an account's last task in a queue. Ranks of different queues have nothing to do with each other:
-- an account that used much of one would wait behind everybody in the next.
CREATE TABLE turns (
    account_id uuid NOT NULL,
    queue      text NOT NULL,
    last_rank  bigint NOT NULL,
    PRIMARY KEY (account_id, queue)
) WITH (fillfactor = 50);

ALTER TABLE wallets DROP COLUMN last_rank;

-- migrate: rollback
ALTER TABLE wallets ADD COLUMN last_rank bigint NOT NULL DEFAULT 0;
DROP TABLE turns;
