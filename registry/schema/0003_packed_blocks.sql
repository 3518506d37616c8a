-- How a block's rows stand in it: 0 one after the other, 1 packed.
ALTER TABLE ledger_blocks ADD COLUMN form INTEGER NOT NULL DEFAULT 0;
