-- What an upload needs to go on after a restart of the portal. Its bytes are never stored.
create table uploads (
    id         text primary key not null,
    account    text not null,    -- whose it is; it goes on in their name
    request    text not null,    -- a JSON object: which file becomes which image
    volume_uid text not null,    -- of the data volume: another one of its name is left alone
    heard_at   integer not null, -- when the last chunk came, in seconds since 1970, to the minute
    is_sent    integer not null, -- 1 when every byte is with the cluster
    ending     text              -- why it ended, while there is something left to clean up
) strict;
