create table accounts (
    username          text primary key not null,
    password_hash     text not null,
    kubernetes_user   text not null,
    kubernetes_groups text not null -- a JSON list
) strict;

create table sessions (
    id         text primary key not null,
    data       text not null, -- a JSON object
    expires_at integer not null -- seconds since 1970
) strict;

create index sessions_by_expiry on sessions (expires_at);
