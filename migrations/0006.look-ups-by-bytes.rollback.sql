-- Nothing: the indexes are those of 0003, and go with it.
select;
