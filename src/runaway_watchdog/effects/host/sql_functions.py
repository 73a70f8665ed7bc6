"""Functions that are built in and only compute: any other may do whatever its author wrote.

PostgreSQL looks into pg_catalog first, so that nobody's own `count` takes the place of these. What acts on the server,
on files or on the session's sequences is in no list.
"""

import re
from typing import Final

_EVERYWHERE: Final = """
abs acos asin atan atan2 avg cast ceil ceiling char_length coalesce concat concat_ws cos count cume_dist current_date
current_time current_timestamp degrees dense_rank exp extract first_value floor format greatest group_concat hex if
ifnull iif instr json_array json_array_length json_extract json_group_array json_group_object json_object json_type
json_valid lag last_value lead least left length ln localtime localtimestamp log log10 log2 lower lpad ltrim max md5
min mod nth_value ntile nullif octet_length overlay percent_rank pi position pow power quote radians random rank
regexp_replace replace reverse right round row_number rpad rtrim sha1 sign sin space sqrt strftime substr substring
sum tan total trim trunc upper
"""
_POSTGRES: Final = """
age any_value array_agg array_append array_cat array_dims array_length array_lower array_ndims array_position
array_positions array_prepend array_remove array_replace array_to_json array_to_string array_upper array_fill ascii
bit_and bit_length bit_or bool_and bool_or btrim cardinality cbrt chr clock_timestamp col_description convert
convert_from convert_to corr covar_pop covar_samp current_database current_schema current_schemas current_setting
current_user currval date date_bin date_part date_trunc decode div encode every factorial format_type gcd
gen_random_uuid generate_series generate_subscripts grouping host inet_client_addr inet_server_addr inet_server_port
initcap isfinite justify_days justify_hours justify_interval lcm left localtimestamp make_date make_interval make_time
make_timestamp make_timestamptz masklen mode netmask network now num_nonnulls num_nulls numrange int4range int8range
daterange tsrange tstzrange obj_description parse_ident percentile_cont percentile_disc pg_backend_pid
pg_blocking_pids pg_column_size pg_conf_load_time pg_current_wal_lsn pg_database_size pg_encoding_to_char
pg_function_is_visible pg_get_constraintdef pg_get_expr pg_get_functiondef pg_get_function_arguments
pg_get_function_result pg_get_indexdef pg_get_keywords pg_get_ruledef pg_get_serial_sequence pg_get_triggerdef
pg_get_userbyid pg_get_viewdef pg_indexes_size pg_is_in_recovery pg_last_wal_receive_lsn pg_last_wal_replay_lsn
pg_last_xact_replay_timestamp pg_postmaster_start_time pg_relation_filepath pg_relation_size pg_size_bytes
pg_size_pretty pg_sleep pg_sleep_for pg_table_is_visible pg_table_size pg_tablespace_size pg_total_relation_size
pg_typeof pg_wal_lsn_diff plainto_tsquery phraseto_tsquery quote_ident quote_literal quote_nullable regexp_count
regexp_instr regexp_like regexp_match regexp_matches regexp_split_to_array regexp_split_to_table regexp_substr
regr_slope
regr_r2 repeat row_to_json scale session_user setseed set_bit sha224 sha256 sha384 sha512 shobj_description
split_part starts_with statement_timestamp stddev stddev_pop stddev_samp string_agg string_to_array string_to_table
strpos setweight timeofday to_ascii to_char to_date to_hex to_json to_jsonb to_number to_timestamp to_tsquery
to_tsvector
transaction_timestamp translate ts_headline ts_rank txid_current unnest user uuid_generate_v4 var_pop var_samp variance
version width_bucket xmlagg xpath xpath_exists
json_agg json_array_elements json_array_elements_text json_build_array json_build_object json_each json_each_text
json_extract_path json_extract_path_text json_object_agg json_object_keys json_populate_record json_populate_recordset
json_strip_nulls json_to_record json_to_recordset json_typeof jsonb_agg jsonb_array_elements jsonb_array_elements_text
jsonb_array_length jsonb_build_array jsonb_build_object jsonb_each jsonb_each_text jsonb_extract_path
jsonb_extract_path_text jsonb_insert jsonb_object_agg jsonb_object_keys jsonb_path_exists jsonb_path_match
jsonb_path_query jsonb_path_query_array jsonb_path_query_first jsonb_populate_record jsonb_pretty jsonb_set
jsonb_set_lax jsonb_strip_nulls jsonb_to_record jsonb_to_recordset jsonb_typeof
"""
_MYSQL: Final = """
addtime adddate aes_encrypt any_value ascii bin bit_and bit_count bit_length bit_or bit_xor char character_length
charset coercibility
collation compress connection_id conv convert convert_tz crc32 curdate current_role current_user curtime database date
date_add
date_format date_sub datediff day dayname dayofmonth dayofweek dayofyear default elt export_set field find_in_set
format_bytes format_pico_time found_rows from_base64 from_days from_unixtime hour inet6_aton inet6_ntoa inet_aton
inet_ntoa insert
interval is_uuid is_ipv4 isnull json_arrayagg json_contains json_contains_path json_depth json_keys json_length
json_merge json_merge_patch json_merge_preserve json_objectagg json_overlaps json_pretty json_quote json_remove
json_replace json_search json_set json_unquote json_value json_insert last_day last_insert_id lcase locate make_set
makedate maketime
microsecond mid minute month monthname now oct ord password period_add period_diff quarter rand regexp_instr regexp_like
regexp_substr repeat row_count schema sec_to_time second session_user sha sha2 sleep soundex std stddev stddev_pop
stddev_samp str_to_date strcmp subdate substring_index subtime sysdate system_user time time_format time_to_sec
timediff timestamp timestampadd timestampdiff to_base64 to_days to_seconds truncate ucase uncompress unhex
unix_timestamp
user utc_date utc_time utc_timestamp uuid uuid_short values var_pop var_samp variance version week weekday weekofyear
year yearweek st_area st_asgeojson st_astext st_contains st_distance st_distance_sphere st_geomfromtext st_intersects
st_latitude st_longitude st_srid st_within st_x st_y
"""
_SQLITE: Final = """
bm25 changes char date datetime glob highlight json json_each json_array_insert json_error_position json_insert
json_patch json_quote
json_remove json_replace json_set json_tree jsonb julianday last_insert_rowid like likelihood likely unlikely nullif
octet_length printf randomblob readfile snippet soundex sqlite_source_id sqlite_version string_agg time timediff
total_changes typeof unhex unicode unixepoch zeroblob generate_series fsdir lsmode sha3 pragma_table_info
pragma_table_list pragma_index_list pragma_index_info pragma_foreign_key_list pragma_database_list
"""
_SYNTAX: Final = """
all and any array as between bigint binary bit blob by case char character check collate cube dec decimal distinct
double else end escape except exists filter float for from group grouping having in inner int integer intersect interval
into is join lateral like limit materialized natural not numeric of offset on or order outer over partition precision
real regexp returning rlike rollup row select sets similar smallint some table then time timestamp timestamptz tinyint
union unsigned using values varbinary varbit varchar varying when where window with within xor
"""
"""Words before a bracket that call nothing."""
_ALIKE: Final = re.compile(r"has_[a-z_]+_privilege|pg_stat_get_\w+")
"""PostgreSQL's, too many to name."""


def _set(*texts: str) -> frozenset[str]:
    return frozenset(" ".join(texts).split())


BUILT_IN: Final = {
    "postgres": _set(_EVERYWHERE, _POSTGRES),
    "mysql": _set(_EVERYWHERE, _MYSQL),
    "sqlite": _set(_EVERYWHERE, _SQLITE),
}
SYNTAX: Final = _set(_SYNTAX)


def computes(name: str, dialect: str) -> bool:
    """Whether a function of this name is built in and changes nothing."""
    lowered = name.lower()
    if dialect not in BUILT_IN:  # nobody's own function changes anything there
        return True
    return lowered in BUILT_IN[dialect] or (dialect == "postgres" and bool(_ALIKE.fullmatch(lowered)))
