-- Views of lists that people keep: a list's address under a name.
create table views (
    account text not null references accounts (username) on delete cascade,
    tab     text not null, -- which list
    name    text not null,
    address text not null, -- the query of the list's address
    primary key (account, tab, name)
) strict;
