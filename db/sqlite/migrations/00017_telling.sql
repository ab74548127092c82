-- Who is invited is told until the face that writes to people keeps the message: untold is 0 when that is done or not to be, 1 when he has to be told,
-- 2 when it is on its way there.

-- +goose Up
DROP INDEX invites_untold;
CREATE INDEX invites_untold ON invites (group_no, id) WHERE untold > 0;
