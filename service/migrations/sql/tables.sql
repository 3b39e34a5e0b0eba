CREATE TABLE audit_entry (
	id UUID NOT NULL, 
	leaf BYTEA NOT NULL, 
	bytes BYTEA NOT NULL, 
	office TEXT NOT NULL, 
	act TEXT NOT NULL, 
	outcome TEXT NOT NULL, 
	account TEXT NOT NULL, 
	person TEXT, 
	trade_id UUID, 
	recorded_at TIMESTAMP WITH TIME ZONE NOT NULL, 
	CONSTRAINT pk_audit_entry PRIMARY KEY (id), 
	CONSTRAINT uq_audit_entry_leaf UNIQUE (leaf)
);

CREATE INDEX ix_audit_entry_account_recorded_at ON audit_entry (account, recorded_at);

CREATE INDEX ix_audit_entry_act_recorded_at ON audit_entry (act, recorded_at);

CREATE INDEX ix_audit_entry_recorded_at ON audit_entry (recorded_at);

CREATE INDEX ix_audit_entry_trade_id ON audit_entry (trade_id);

CREATE TABLE audit_state (
	id INTEGER NOT NULL, 
	next_index BIGINT NOT NULL, 
	CONSTRAINT pk_audit_state PRIMARY KEY (id), 
	CONSTRAINT ck_audit_state_one_row CHECK (id = 1)
);

CREATE TABLE deal_counter (
	book_id UUID NOT NULL, 
	last_number BIGINT NOT NULL, 
	CONSTRAINT pk_deal_counter PRIMARY KEY (book_id)
);

CREATE TABLE idempotency_key (
	office TEXT NOT NULL, 
	account_id UUID NOT NULL, 
	key TEXT NOT NULL, 
	body_hash TEXT NOT NULL, 
	status INTEGER, 
	answer TEXT, 
	created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL, 
	CONSTRAINT pk_idempotency_key PRIMARY KEY (office, account_id, key)
);

CREATE TABLE item_route (
	kind TEXT NOT NULL, 
	opened_by TEXT NOT NULL, 
	office TEXT NOT NULL, 
	CONSTRAINT pk_item_route PRIMARY KEY (kind, opened_by, office)
);

CREATE TABLE office_action (
	office TEXT NOT NULL, 
	action TEXT NOT NULL, 
	CONSTRAINT pk_office_action PRIMARY KEY (office, action)
);

CREATE TABLE office_kind (
	office TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	CONSTRAINT pk_office_kind PRIMARY KEY (office, kind)
);

CREATE TABLE office_login (
	login TEXT NOT NULL, 
	office TEXT NOT NULL, 
	CONSTRAINT pk_office_login PRIMARY KEY (login)
);

CREATE TABLE policy_epoch (
	version TEXT NOT NULL, 
	CONSTRAINT pk_policy_epoch PRIMARY KEY (version)
);

CREATE TABLE audit_effect (
	kind TEXT NOT NULL, 
	id UUID NOT NULL, 
	rev INTEGER NOT NULL, 
	entry_id UUID NOT NULL, 
	leaf BYTEA NOT NULL, 
	after TEXT NOT NULL, 
	act TEXT NOT NULL, 
	person TEXT NOT NULL, 
	office TEXT NOT NULL, 
	at TIMESTAMP WITH TIME ZONE NOT NULL, 
	trade_id UUID, 
	CONSTRAINT pk_audit_effect PRIMARY KEY (kind, id, rev), 
	CONSTRAINT fk_audit_effect_entry_id FOREIGN KEY(entry_id) REFERENCES audit_entry (id) DEFERRABLE INITIALLY DEFERRED
);

CREATE INDEX ix_audit_effect_entry_id ON audit_effect (entry_id);

CREATE INDEX ix_audit_effect_trade_id ON audit_effect (trade_id);

CREATE TABLE audit_index (
	index BIGINT NOT NULL, 
	entry_id UUID NOT NULL, 
	CONSTRAINT pk_audit_index PRIMARY KEY (index), 
	CONSTRAINT uq_audit_index_entry_id UNIQUE (entry_id), 
	CONSTRAINT fk_audit_index_entry_id FOREIGN KEY(entry_id) REFERENCES audit_entry (id) DEFERRABLE INITIALLY DEFERRED
);

CREATE TABLE audit_pending (
	seq BIGINT GENERATED ALWAYS AS IDENTITY, 
	entry_id UUID NOT NULL, 
	CONSTRAINT pk_audit_pending PRIMARY KEY (seq), 
	CONSTRAINT uq_audit_pending_entry_id UNIQUE (entry_id), 
	CONSTRAINT fk_audit_pending_entry_id FOREIGN KEY(entry_id) REFERENCES audit_entry (id) DEFERRABLE INITIALLY DEFERRED
);

CREATE TABLE work_item (
	id UUID NOT NULL, 
	office TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	subject_kind TEXT NOT NULL, 
	subject_id UUID NOT NULL, 
	trade_id UUID, 
	version INTEGER, 
	reason TEXT, 
	due_at TIMESTAMP WITH TIME ZONE NOT NULL, 
	opened_at TIMESTAMP WITH TIME ZONE NOT NULL, 
	opened_by TEXT NOT NULL, 
	closed_entry_id UUID, 
	closed_at TIMESTAMP WITH TIME ZONE, 
	entry_id UUID NOT NULL, 
	CONSTRAINT pk_work_item PRIMARY KEY (id), 
	CONSTRAINT fk_work_item_closed_entry FOREIGN KEY(closed_entry_id) REFERENCES audit_entry (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_work_item_entry FOREIGN KEY(entry_id) REFERENCES audit_entry (id) DEFERRABLE INITIALLY DEFERRED
);

CREATE INDEX ix_work_item_open ON work_item (office, due_at) WHERE closed_entry_id IS NULL;

CREATE INDEX ix_work_item_subject ON work_item (subject_id, kind);

CREATE INDEX ix_work_item_trade ON work_item (trade_id);

CREATE TABLE counterparty (
	lei TEXT NOT NULL, 
	name TEXT NOT NULL, 
	bic TEXT NOT NULL, 
	id UUID NOT NULL, 
	rev INTEGER NOT NULL, 
	kind TEXT GENERATED ALWAYS AS ('counterparty') STORED NOT NULL, 
	CONSTRAINT pk_counterparty PRIMARY KEY (id), 
	CONSTRAINT fk_counterparty_entry FOREIGN KEY(kind, id, rev) REFERENCES audit_effect (kind, id, rev) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT uq_counterparty_lei UNIQUE (lei)
);

CREATE TABLE cut_off (
	product TEXT NOT NULL, 
	at TIME WITHOUT TIME ZONE NOT NULL, 
	id UUID NOT NULL, 
	rev INTEGER NOT NULL, 
	kind TEXT GENERATED ALWAYS AS ('cut_off') STORED NOT NULL, 
	CONSTRAINT pk_cut_off PRIMARY KEY (id), 
	CONSTRAINT fk_cut_off_entry FOREIGN KEY(kind, id, rev) REFERENCES audit_effect (kind, id, rev) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT uq_cut_off_product UNIQUE (product)
);

CREATE TABLE desk_time (
	business_date DATE NOT NULL, 
	desk_clock TIME WITHOUT TIME ZONE, 
	id UUID NOT NULL, 
	rev INTEGER NOT NULL, 
	kind TEXT GENERATED ALWAYS AS ('desk_time') STORED NOT NULL, 
	CONSTRAINT pk_desk_time PRIMARY KEY (id), 
	CONSTRAINT fk_desk_time_entry FOREIGN KEY(kind, id, rev) REFERENCES audit_effect (kind, id, rev) DEFERRABLE INITIALLY DEFERRED
);

CREATE TABLE fixing_set (
	day DATE NOT NULL, 
	source TEXT NOT NULL, 
	source_sha256 TEXT NOT NULL, 
	rates JSONB NOT NULL, 
	id UUID NOT NULL, 
	rev INTEGER NOT NULL, 
	kind TEXT GENERATED ALWAYS AS ('fixing_set') STORED NOT NULL, 
	CONSTRAINT pk_fixing_set PRIMARY KEY (id), 
	CONSTRAINT fk_fixing_set_entry FOREIGN KEY(kind, id, rev) REFERENCES audit_effect (kind, id, rev) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT uq_fixing_set_day UNIQUE (day)
);

CREATE TABLE proposal (
	object_kind TEXT NOT NULL, 
	object_id UUID NOT NULL, 
	payload JSONB NOT NULL, 
	state TEXT NOT NULL, 
	reason TEXT, 
	id UUID NOT NULL, 
	rev INTEGER NOT NULL, 
	kind TEXT GENERATED ALWAYS AS ('proposal') STORED NOT NULL, 
	CONSTRAINT pk_proposal PRIMARY KEY (id), 
	CONSTRAINT fk_proposal_entry FOREIGN KEY(kind, id, rev) REFERENCES audit_effect (kind, id, rev) DEFERRABLE INITIALLY DEFERRED
);

CREATE TABLE trade_control (
	version INTEGER NOT NULL, 
	state TEXT NOT NULL, 
	reason TEXT, 
	id UUID NOT NULL, 
	rev INTEGER NOT NULL, 
	kind TEXT GENERATED ALWAYS AS ('trade_control') STORED NOT NULL, 
	CONSTRAINT pk_trade_control PRIMARY KEY (id), 
	CONSTRAINT fk_trade_control_entry FOREIGN KEY(kind, id, rev) REFERENCES audit_effect (kind, id, rev) DEFERRABLE INITIALLY DEFERRED
);

CREATE TABLE unit (
	name TEXT NOT NULL, 
	function_class TEXT NOT NULL, 
	board_line TEXT NOT NULL, 
	parent_id UUID, 
	id UUID NOT NULL, 
	rev INTEGER NOT NULL, 
	kind TEXT GENERATED ALWAYS AS ('unit') STORED NOT NULL, 
	CONSTRAINT pk_unit PRIMARY KEY (id), 
	CONSTRAINT fk_unit_entry FOREIGN KEY(kind, id, rev) REFERENCES audit_effect (kind, id, rev) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT uq_unit_name UNIQUE (name), 
	CONSTRAINT fk_unit_parent_id FOREIGN KEY(parent_id) REFERENCES unit (id) DEFERRABLE INITIALLY DEFERRED
);

CREATE TABLE instruction (
	counterparty_id UUID NOT NULL, 
	currency TEXT NOT NULL, 
	bic TEXT NOT NULL, 
	account_number TEXT NOT NULL, 
	proposal_id UUID NOT NULL, 
	id UUID NOT NULL, 
	rev INTEGER NOT NULL, 
	kind TEXT GENERATED ALWAYS AS ('instruction') STORED NOT NULL, 
	CONSTRAINT pk_instruction PRIMARY KEY (id), 
	CONSTRAINT fk_instruction_entry FOREIGN KEY(kind, id, rev) REFERENCES audit_effect (kind, id, rev) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_instruction_counterparty_id FOREIGN KEY(counterparty_id) REFERENCES counterparty (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_instruction_proposal_id FOREIGN KEY(proposal_id) REFERENCES proposal (id) DEFERRABLE INITIALLY DEFERRED
);

CREATE INDEX ix_instruction_counterparty_id_currency ON instruction (counterparty_id, currency);

CREATE TABLE person (
	name TEXT NOT NULL, 
	unit_id UUID NOT NULL, 
	disabled BOOLEAN NOT NULL, 
	id UUID NOT NULL, 
	rev INTEGER NOT NULL, 
	kind TEXT GENERATED ALWAYS AS ('person') STORED NOT NULL, 
	CONSTRAINT pk_person PRIMARY KEY (id), 
	CONSTRAINT fk_person_entry FOREIGN KEY(kind, id, rev) REFERENCES audit_effect (kind, id, rev) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_person_unit_id FOREIGN KEY(unit_id) REFERENCES unit (id) DEFERRABLE INITIALLY DEFERRED
);

CREATE TABLE portfolio (
	name TEXT NOT NULL, 
	desk_id UUID NOT NULL, 
	id UUID NOT NULL, 
	rev INTEGER NOT NULL, 
	kind TEXT GENERATED ALWAYS AS ('portfolio') STORED NOT NULL, 
	CONSTRAINT pk_portfolio PRIMARY KEY (id), 
	CONSTRAINT fk_portfolio_entry FOREIGN KEY(kind, id, rev) REFERENCES audit_effect (kind, id, rev) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT uq_portfolio_name UNIQUE (name), 
	CONSTRAINT fk_portfolio_desk_id FOREIGN KEY(desk_id) REFERENCES unit (id) DEFERRABLE INITIALLY DEFERRED
);

CREATE TABLE account (
	name TEXT NOT NULL, 
	person_id UUID NOT NULL, 
	office TEXT NOT NULL, 
	service BOOLEAN NOT NULL, 
	disabled BOOLEAN NOT NULL, 
	id UUID NOT NULL, 
	rev INTEGER NOT NULL, 
	kind TEXT GENERATED ALWAYS AS ('account') STORED NOT NULL, 
	CONSTRAINT pk_account PRIMARY KEY (id), 
	CONSTRAINT fk_account_entry FOREIGN KEY(kind, id, rev) REFERENCES audit_effect (kind, id, rev) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT uq_account_name UNIQUE (name), 
	CONSTRAINT fk_account_person_id FOREIGN KEY(person_id) REFERENCES person (id) DEFERRABLE INITIALLY DEFERRED
);

CREATE INDEX ix_account_person_id ON account (person_id);

CREATE TABLE credential (
	account_id UUID NOT NULL, 
	secret TEXT NOT NULL, 
	one_time BOOLEAN NOT NULL, 
	failures INTEGER NOT NULL, 
	retry_at TIMESTAMP WITH TIME ZONE, 
	entry_id UUID NOT NULL, 
	CONSTRAINT pk_credential PRIMARY KEY (account_id), 
	CONSTRAINT fk_credential_entry FOREIGN KEY(entry_id) REFERENCES audit_entry (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_credential_account_id FOREIGN KEY(account_id) REFERENCES account (id) DEFERRABLE INITIALLY DEFERRED
);

CREATE TABLE role_grant (
	account_id UUID NOT NULL, 
	role TEXT NOT NULL, 
	state TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	valid_until TIMESTAMP WITH TIME ZONE, 
	id UUID NOT NULL, 
	rev INTEGER NOT NULL, 
	kind TEXT GENERATED ALWAYS AS ('role_grant') STORED NOT NULL, 
	CONSTRAINT pk_role_grant PRIMARY KEY (id), 
	CONSTRAINT fk_role_grant_entry FOREIGN KEY(kind, id, rev) REFERENCES audit_effect (kind, id, rev) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_role_grant_account_id FOREIGN KEY(account_id) REFERENCES account (id) DEFERRABLE INITIALLY DEFERRED
);

CREATE INDEX ix_role_grant_account_id ON role_grant (account_id);

CREATE UNIQUE INDEX uq_role_grant_open ON role_grant (account_id, role) WHERE state IN ('requested', 'approved', 'executed');

CREATE TABLE session (
	id UUID NOT NULL, 
	account_id UUID NOT NULL, 
	token_sha256 BYTEA NOT NULL, 
	opened_at TIMESTAMP WITH TIME ZONE NOT NULL, 
	last_seen_at TIMESTAMP WITH TIME ZONE NOT NULL, 
	idle_seconds INTEGER NOT NULL, 
	expires_at TIMESTAMP WITH TIME ZONE NOT NULL, 
	restricted BOOLEAN NOT NULL, 
	ended_at TIMESTAMP WITH TIME ZONE, 
	ended_why TEXT, 
	entry_id UUID NOT NULL, 
	CONSTRAINT pk_session PRIMARY KEY (id), 
	CONSTRAINT fk_session_entry FOREIGN KEY(entry_id) REFERENCES audit_entry (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_session_account_id FOREIGN KEY(account_id) REFERENCES account (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT uq_session_token_sha256 UNIQUE (token_sha256)
);

CREATE INDEX ix_session_account_id ON session (account_id);

CREATE TABLE trade (
	type TEXT NOT NULL, 
	portfolio_id UUID NOT NULL, 
	number BIGINT NOT NULL, 
	captured_by UUID NOT NULL, 
	captured_at TIMESTAMP WITH TIME ZONE NOT NULL, 
	marks JSONB NOT NULL, 
	version INTEGER NOT NULL, 
	terms_digest TEXT NOT NULL, 
	id UUID NOT NULL, 
	rev INTEGER NOT NULL, 
	kind TEXT GENERATED ALWAYS AS ('trade') STORED NOT NULL, 
	CONSTRAINT pk_trade PRIMARY KEY (id), 
	CONSTRAINT uq_trade_portfolio_id_number UNIQUE (portfolio_id, number), 
	CONSTRAINT ck_trade_version_positive CHECK (version >= 1), 
	CONSTRAINT fk_trade_entry FOREIGN KEY(kind, id, rev) REFERENCES audit_effect (kind, id, rev) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_trade_portfolio_id FOREIGN KEY(portfolio_id) REFERENCES portfolio (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_trade_captured_by FOREIGN KEY(captured_by) REFERENCES account (id) DEFERRABLE INITIALLY DEFERRED
);

CREATE INDEX ix_trade_captured_at ON trade (captured_at);

CREATE TABLE change_request (
	trade_id UUID NOT NULL, 
	trade_version INTEGER NOT NULL, 
	request TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	requested_by UUID NOT NULL, 
	requested_at TIMESTAMP WITH TIME ZONE NOT NULL, 
	id UUID NOT NULL, 
	rev INTEGER NOT NULL, 
	kind TEXT GENERATED ALWAYS AS ('change_request') STORED NOT NULL, 
	CONSTRAINT pk_change_request PRIMARY KEY (id), 
	CONSTRAINT fk_change_request_entry FOREIGN KEY(kind, id, rev) REFERENCES audit_effect (kind, id, rev) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_change_request_trade_id FOREIGN KEY(trade_id) REFERENCES trade (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_change_request_requested_by FOREIGN KEY(requested_by) REFERENCES account (id) DEFERRABLE INITIALLY DEFERRED
);

CREATE INDEX ix_change_request_trade_id ON change_request (trade_id);

CREATE TABLE confirmation (
	trade_id UUID NOT NULL, 
	version INTEGER NOT NULL, 
	state TEXT NOT NULL, 
	ours JSONB NOT NULL, 
	sent_at TIMESTAMP WITH TIME ZONE, 
	counter JSONB, 
	counter_at TIMESTAMP WITH TIME ZONE, 
	breaks JSONB, 
	id UUID NOT NULL, 
	rev INTEGER NOT NULL, 
	kind TEXT GENERATED ALWAYS AS ('confirmation') STORED NOT NULL, 
	CONSTRAINT pk_confirmation PRIMARY KEY (id), 
	CONSTRAINT uq_confirmation_trade_id_version UNIQUE (trade_id, version), 
	CONSTRAINT fk_confirmation_entry FOREIGN KEY(kind, id, rev) REFERENCES audit_effect (kind, id, rev) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_confirmation_trade_id FOREIGN KEY(trade_id) REFERENCES trade (id) DEFERRABLE INITIALLY DEFERRED
);

CREATE TABLE deal_number (
	book_id UUID NOT NULL, 
	number BIGINT NOT NULL, 
	trade_id UUID NOT NULL, 
	entry_id UUID NOT NULL, 
	CONSTRAINT pk_deal_number PRIMARY KEY (book_id, number), 
	CONSTRAINT uq_deal_number_book_id_number_trade_id UNIQUE (book_id, number, trade_id), 
	CONSTRAINT fk_deal_number_entry FOREIGN KEY(entry_id) REFERENCES audit_entry (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT uq_deal_number_trade_id UNIQUE (trade_id), 
	CONSTRAINT fk_deal_number_trade_id FOREIGN KEY(trade_id) REFERENCES trade (id) DEFERRABLE INITIALLY DEFERRED
);

CREATE TABLE journal (
	event_key TEXT NOT NULL, 
	trade_id UUID NOT NULL, 
	version INTEGER NOT NULL, 
	rule TEXT NOT NULL, 
	booked_on DATE NOT NULL, 
	reverses_id UUID, 
	lines_digest TEXT NOT NULL, 
	id UUID NOT NULL, 
	rev INTEGER NOT NULL, 
	kind TEXT GENERATED ALWAYS AS ('journal') STORED NOT NULL, 
	CONSTRAINT pk_journal PRIMARY KEY (id), 
	CONSTRAINT fk_journal_entry FOREIGN KEY(kind, id, rev) REFERENCES audit_effect (kind, id, rev) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT uq_journal_event_key UNIQUE (event_key), 
	CONSTRAINT fk_journal_trade_id FOREIGN KEY(trade_id) REFERENCES trade (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT uq_journal_reverses_id UNIQUE (reverses_id), 
	CONSTRAINT fk_journal_reverses_id FOREIGN KEY(reverses_id) REFERENCES journal (id) DEFERRABLE INITIALLY DEFERRED
);

CREATE INDEX ix_journal_trade_id ON journal (trade_id);

CREATE TABLE position_movement (
	id UUID NOT NULL, 
	portfolio_id UUID NOT NULL, 
	trade_id UUID NOT NULL, 
	version INTEGER NOT NULL, 
	currency TEXT NOT NULL, 
	value_date DATE NOT NULL, 
	amount NUMERIC NOT NULL, 
	entry_id UUID NOT NULL, 
	CONSTRAINT pk_position_movement PRIMARY KEY (id), 
	CONSTRAINT fk_position_movement_entry FOREIGN KEY(entry_id) REFERENCES audit_entry (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_position_movement_portfolio_id FOREIGN KEY(portfolio_id) REFERENCES portfolio (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_position_movement_trade_id FOREIGN KEY(trade_id) REFERENCES trade (id) DEFERRABLE INITIALLY DEFERRED
);

CREATE INDEX ix_position_movement_portfolio_id_currency ON position_movement (portfolio_id, currency);

CREATE INDEX ix_position_movement_trade_id ON position_movement (trade_id);

CREATE TABLE settlement (
	trade_id UUID NOT NULL, 
	version INTEGER NOT NULL, 
	currency TEXT NOT NULL, 
	amount NUMERIC NOT NULL, 
	value_date DATE NOT NULL, 
	state TEXT NOT NULL, 
	instruction_id UUID, 
	prepared_by UUID, 
	released_by UUID, 
	settled_on DATE, 
	failure TEXT, 
	id UUID NOT NULL, 
	rev INTEGER NOT NULL, 
	kind TEXT GENERATED ALWAYS AS ('settlement') STORED NOT NULL, 
	CONSTRAINT pk_settlement PRIMARY KEY (id), 
	CONSTRAINT uq_settlement_trade_id_version_currency UNIQUE (trade_id, version, currency), 
	CONSTRAINT fk_settlement_entry FOREIGN KEY(kind, id, rev) REFERENCES audit_effect (kind, id, rev) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_settlement_trade_id FOREIGN KEY(trade_id) REFERENCES trade (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_settlement_instruction_id FOREIGN KEY(instruction_id) REFERENCES instruction (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_settlement_prepared_by FOREIGN KEY(prepared_by) REFERENCES account (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_settlement_released_by FOREIGN KEY(released_by) REFERENCES account (id) DEFERRABLE INITIALLY DEFERRED
);

CREATE INDEX ix_settlement_state_value_date ON settlement (state, value_date);

CREATE TABLE trade_version (
	trade_id UUID NOT NULL, 
	version INTEGER NOT NULL, 
	side TEXT NOT NULL, 
	base TEXT NOT NULL, 
	quote TEXT NOT NULL, 
	base_amount NUMERIC NOT NULL, 
	quote_amount NUMERIC NOT NULL, 
	rate NUMERIC NOT NULL, 
	trade_date DATE NOT NULL, 
	value_date DATE NOT NULL, 
	counterparty_id UUID NOT NULL, 
	side_agreements TEXT NOT NULL, 
	executed_at TIMESTAMP WITH TIME ZONE NOT NULL, 
	entered_by UUID NOT NULL, 
	entered_at TIMESTAMP WITH TIME ZONE NOT NULL, 
	entry_id UUID NOT NULL, 
	CONSTRAINT pk_trade_version PRIMARY KEY (trade_id, version), 
	CONSTRAINT ck_trade_version_base_amount_positive CHECK (base_amount > 0), 
	CONSTRAINT ck_trade_version_rate_positive CHECK (rate > 0), 
	CONSTRAINT ck_trade_version_side_known CHECK (side IN ('buy', 'sell')), 
	CONSTRAINT fk_trade_version_entry FOREIGN KEY(entry_id) REFERENCES audit_entry (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_trade_version_trade_id FOREIGN KEY(trade_id) REFERENCES trade (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_trade_version_counterparty_id FOREIGN KEY(counterparty_id) REFERENCES counterparty (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_trade_version_entered_by FOREIGN KEY(entered_by) REFERENCES account (id) DEFERRABLE INITIALLY DEFERRED
);

CREATE INDEX ix_trade_version_counterparty_id ON trade_version (counterparty_id);

CREATE INDEX ix_trade_version_value_date ON trade_version (value_date);

CREATE TABLE journal_line (
	journal_id UUID NOT NULL, 
	line INTEGER NOT NULL, 
	account TEXT NOT NULL, 
	currency TEXT NOT NULL, 
	amount NUMERIC NOT NULL, 
	eur_amount NUMERIC NOT NULL, 
	entry_id UUID NOT NULL, 
	CONSTRAINT pk_journal_line PRIMARY KEY (journal_id, line), 
	CONSTRAINT fk_journal_line_entry FOREIGN KEY(entry_id) REFERENCES audit_entry (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_journal_line_journal_id FOREIGN KEY(journal_id) REFERENCES journal (id) DEFERRABLE INITIALLY DEFERRED
);

CREATE TABLE request_decision (
	request_id UUID NOT NULL, 
	trade_id UUID NOT NULL, 
	outcome TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	id UUID NOT NULL, 
	rev INTEGER NOT NULL, 
	kind TEXT GENERATED ALWAYS AS ('request_decision') STORED NOT NULL, 
	CONSTRAINT pk_request_decision PRIMARY KEY (id), 
	CONSTRAINT fk_request_decision_entry FOREIGN KEY(kind, id, rev) REFERENCES audit_effect (kind, id, rev) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT uq_request_decision_request_id UNIQUE (request_id), 
	CONSTRAINT fk_request_decision_request_id FOREIGN KEY(request_id) REFERENCES change_request (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_request_decision_trade_id FOREIGN KEY(trade_id) REFERENCES trade (id) DEFERRABLE INITIALLY DEFERRED
);

CREATE INDEX ix_request_decision_trade_id ON request_decision (trade_id);

ALTER TABLE trade ADD CONSTRAINT fk_trade_number FOREIGN KEY(portfolio_id, number, id) REFERENCES deal_number (book_id, number, trade_id) DEFERRABLE INITIALLY DEFERRED;

