-- The public keys that somebody put into a machine last, one a line, so that the form can offer them again.
alter table accounts add column ssh_keys text not null default '';
