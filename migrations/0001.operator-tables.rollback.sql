-- The operator's tables are never dropped: they may have been there before. Schema pgjobs stays as well, for the history lies in it.
select;
