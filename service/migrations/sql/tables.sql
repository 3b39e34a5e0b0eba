CREATE TABLE apart_pair (
	control TEXT NOT NULL, 
	action TEXT NOT NULL, 
	differs TEXT NOT NULL, 
	scope TEXT NOT NULL, 
	days INTEGER NOT NULL, 
	CONSTRAINT pk_apart_pair PRIMARY KEY (control, action, differs, scope, days)
);

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
	unit TEXT, 
	board TEXT, 
	CONSTRAINT pk_audit_entry PRIMARY KEY (id), 
	CONSTRAINT uq_audit_entry_leaf UNIQUE (leaf)
);

CREATE INDEX ix_audit_entry_account_recorded_at ON audit_entry (account, recorded_at);

CREATE INDEX ix_audit_entry_act_recorded_at ON audit_entry (act, recorded_at);

CREATE INDEX ix_audit_entry_recorded_at ON audit_entry (recorded_at);

CREATE INDEX ix_audit_entry_refused ON audit_entry (recorded_at) WHERE outcome = 'refuse';

CREATE INDEX ix_audit_entry_trade_id ON audit_entry (trade_id);

CREATE TABLE audit_state (
	id INTEGER NOT NULL, 
	next_index BIGINT NOT NULL, 
	CONSTRAINT pk_audit_state PRIMARY KEY (id), 
	CONSTRAINT ck_audit_state_one_row CHECK (id = 1)
);

CREATE TABLE balance_total (
	booked_on DATE NOT NULL, 
	account TEXT NOT NULL, 
	currency TEXT NOT NULL, 
	debit NUMERIC NOT NULL, 
	credit NUMERIC NOT NULL, 
	eur_amount NUMERIC NOT NULL, 
	CONSTRAINT pk_balance_total PRIMARY KEY (booked_on, account, currency)
);

CREATE TABLE deal_counter (
	book_id UUID NOT NULL, 
	last_number BIGINT NOT NULL, 
	CONSTRAINT pk_deal_counter PRIMARY KEY (book_id)
);

CREATE TABLE exposure_total (
	owner_id UUID NOT NULL, 
	due DATE NOT NULL, 
	eur_amount NUMERIC NOT NULL, 
	CONSTRAINT pk_exposure_total PRIMARY KEY (owner_id, due)
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

CREATE TABLE limit_use (
	scope TEXT NOT NULL, 
	owner_id UUID NOT NULL, 
	used_eur NUMERIC NOT NULL, 
	CONSTRAINT pk_limit_use PRIMARY KEY (scope, owner_id)
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

CREATE TABLE policy_line (
	control TEXT NOT NULL, 
	left_class TEXT NOT NULL, 
	right_class TEXT NOT NULL, 
	CONSTRAINT pk_policy_line PRIMARY KEY (left_class, right_class)
);

CREATE TABLE position_total (
	portfolio_id UUID NOT NULL, 
	currency TEXT NOT NULL, 
	amount NUMERIC NOT NULL, 
	CONSTRAINT pk_position_total PRIMARY KEY (portfolio_id, currency)
);

CREATE TABLE role_conflict (
	left_role TEXT NOT NULL, 
	right_role TEXT NOT NULL, 
	control TEXT NOT NULL, 
	CONSTRAINT pk_role_conflict PRIMARY KEY (left_role, right_role)
);

CREATE TABLE schema_epoch (
	revision TEXT NOT NULL, 
	digest TEXT NOT NULL, 
	CONSTRAINT pk_schema_epoch PRIMARY KEY (revision)
);

CREATE TABLE total_mark (
	id INTEGER NOT NULL, 
	upto BIGINT NOT NULL, 
	CONSTRAINT pk_total_mark PRIMARY KEY (id), 
	CONSTRAINT ck_total_mark_one_row CHECK (id = 1)
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
	deputy_for TEXT, 
	owner TEXT, 
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

CREATE TABLE document_content (
	sha256 TEXT NOT NULL, 
	content BYTEA NOT NULL, 
	entry_id UUID NOT NULL, 
	CONSTRAINT pk_document_content PRIMARY KEY (sha256), 
	CONSTRAINT ck_document_content_content_is_its_key CHECK (sha256 = encode(sha256(content), 'hex')), 
	CONSTRAINT ck_document_content_size_known CHECK (octet_length(content) BETWEEN 1 AND 10485760), 
	CONSTRAINT fk_document_content_entry FOREIGN KEY(entry_id) REFERENCES audit_entry (id) DEFERRABLE INITIALLY DEFERRED
);

CREATE TABLE lagging_row (
	recovery_id UUID NOT NULL, 
	kind TEXT NOT NULL, 
	object_id UUID NOT NULL, 
	rev INTEGER NOT NULL, 
	why TEXT NOT NULL, 
	righted_at TIMESTAMP WITH TIME ZONE, 
	entry_id UUID NOT NULL, 
	CONSTRAINT pk_lagging_row PRIMARY KEY (recovery_id, kind, object_id), 
	CONSTRAINT fk_lagging_row_entry FOREIGN KEY(entry_id) REFERENCES audit_entry (id) DEFERRABLE INITIALLY DEFERRED
);

CREATE TABLE policy_text (
	sha256 TEXT NOT NULL, 
	content TEXT NOT NULL, 
	entry_id UUID NOT NULL, 
	CONSTRAINT pk_policy_text PRIMARY KEY (sha256), 
	CONSTRAINT ck_policy_text_is_its_digest CHECK (sha256 = encode(sha256(convert_to(content, 'UTF8')), 'hex')), 
	CONSTRAINT ck_policy_text_bounded CHECK (octet_length(content) <= 1000000), 
	CONSTRAINT fk_policy_text_entry FOREIGN KEY(entry_id) REFERENCES audit_entry (id) DEFERRABLE INITIALLY DEFERRED
);

CREATE TABLE work_item (
	id UUID NOT NULL, 
	office TEXT NOT NULL, 
	home TEXT NOT NULL, 
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
	holder_id UUID, 
	held_until TIMESTAMP WITH TIME ZONE, 
	offered_to TEXT, 
	entry_id UUID NOT NULL, 
	CONSTRAINT pk_work_item PRIMARY KEY (id), 
	CONSTRAINT fk_work_item_closed_entry FOREIGN KEY(closed_entry_id) REFERENCES audit_entry (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_work_item_entry FOREIGN KEY(entry_id) REFERENCES audit_entry (id) DEFERRABLE INITIALLY DEFERRED
);

CREATE INDEX ix_work_item_away ON work_item (home, due_at, id) WHERE closed_entry_id IS NULL AND office <> home;

CREATE INDEX ix_work_item_due ON work_item (kind, due_at, id) WHERE closed_entry_id IS NULL;

CREATE INDEX ix_work_item_holder ON work_item (holder_id) WHERE closed_entry_id IS NULL;

CREATE INDEX ix_work_item_offered ON work_item (offered_to) WHERE closed_entry_id IS NULL;

CREATE INDEX ix_work_item_open ON work_item (office, due_at, id) INCLUDE (opened_at) WHERE closed_entry_id IS NULL;

CREATE INDEX ix_work_item_subject ON work_item (subject_id, kind);

CREATE INDEX ix_work_item_trade ON work_item (trade_id);

CREATE TABLE counterparty (
	lei TEXT NOT NULL, 
	name TEXT NOT NULL, 
	bic TEXT NOT NULL, 
	own BOOLEAN NOT NULL, 
	id UUID NOT NULL, 
	rev INTEGER NOT NULL, 
	kind TEXT GENERATED ALWAYS AS ('counterparty') STORED NOT NULL, 
	CONSTRAINT pk_counterparty PRIMARY KEY (id), 
	CONSTRAINT fk_counterparty_entry FOREIGN KEY(kind, id, rev) REFERENCES audit_effect (kind, id, rev) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT uq_counterparty_lei UNIQUE (lei)
);

CREATE UNIQUE INDEX ix_counterparty_own ON counterparty (own) WHERE own;

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

CREATE TABLE key_rotation (
	state TEXT NOT NULL, 
	overlap INTEGER NOT NULL, 
	reason TEXT NOT NULL, 
	number INTEGER, 
	digest TEXT, 
	id UUID NOT NULL, 
	rev INTEGER NOT NULL, 
	kind TEXT GENERATED ALWAYS AS ('key_rotation') STORED NOT NULL, 
	CONSTRAINT pk_key_rotation PRIMARY KEY (id), 
	CONSTRAINT fk_key_rotation_entry FOREIGN KEY(kind, id, rev) REFERENCES audit_effect (kind, id, rev) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT uq_key_rotation_number UNIQUE (number)
);

CREATE UNIQUE INDEX uq_key_rotation_open ON key_rotation ((true)) WHERE state IN ('requested', 'approved');

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

CREATE TABLE recovery (
	state TEXT NOT NULL, 
	found_size BIGINT NOT NULL, 
	size BIGINT NOT NULL, 
	root TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	id UUID NOT NULL, 
	rev INTEGER NOT NULL, 
	kind TEXT GENERATED ALWAYS AS ('recovery') STORED NOT NULL, 
	CONSTRAINT pk_recovery PRIMARY KEY (id), 
	CONSTRAINT fk_recovery_entry FOREIGN KEY(kind, id, rev) REFERENCES audit_effect (kind, id, rev) DEFERRABLE INITIALLY DEFERRED
);

CREATE UNIQUE INDEX uq_recovery_open ON recovery (state) WHERE state = 'requested';

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

CREATE INDEX ix_trade_control_state ON trade_control (state);

CREATE TABLE unit (
	code TEXT NOT NULL, 
	name TEXT NOT NULL, 
	function_class TEXT NOT NULL, 
	id UUID NOT NULL, 
	rev INTEGER NOT NULL, 
	kind TEXT GENERATED ALWAYS AS ('unit') STORED NOT NULL, 
	CONSTRAINT pk_unit PRIMARY KEY (id), 
	CONSTRAINT fk_unit_entry FOREIGN KEY(kind, id, rev) REFERENCES audit_effect (kind, id, rev) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT uq_unit_code UNIQUE (code), 
	CONSTRAINT uq_unit_name UNIQUE (name)
);

CREATE UNIQUE INDEX uq_unit_lower_name ON unit (lower(name));

CREATE TABLE alleged_deal (
	inbound_id UUID NOT NULL, 
	counterparty_id UUID NOT NULL, 
	fields JSONB NOT NULL, 
	shared_at TIMESTAMP WITH TIME ZONE NOT NULL, 
	id UUID NOT NULL, 
	rev INTEGER NOT NULL, 
	kind TEXT GENERATED ALWAYS AS ('alleged_deal') STORED NOT NULL, 
	CONSTRAINT pk_alleged_deal PRIMARY KEY (id), 
	CONSTRAINT fk_alleged_deal_entry FOREIGN KEY(kind, id, rev) REFERENCES audit_effect (kind, id, rev) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT uq_alleged_deal_inbound_id UNIQUE (inbound_id), 
	CONSTRAINT fk_alleged_deal_counterparty_id FOREIGN KEY(counterparty_id) REFERENCES counterparty (id) DEFERRABLE INITIALLY DEFERRED
);

CREATE TABLE desk_report (
	unit_id UUID NOT NULL, 
	day DATE NOT NULL, 
	facts JSONB NOT NULL, 
	issued_at TIMESTAMP WITH TIME ZONE NOT NULL, 
	id UUID NOT NULL, 
	rev INTEGER NOT NULL, 
	kind TEXT GENERATED ALWAYS AS ('desk_report') STORED NOT NULL, 
	CONSTRAINT pk_desk_report PRIMARY KEY (id), 
	CONSTRAINT uq_desk_report_unit_id_day UNIQUE (unit_id, day), 
	CONSTRAINT fk_desk_report_entry FOREIGN KEY(kind, id, rev) REFERENCES audit_effect (kind, id, rev) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_desk_report_unit_id FOREIGN KEY(unit_id) REFERENCES unit (id) DEFERRABLE INITIALLY DEFERRED
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

CREATE TABLE match_tolerance (
	number INTEGER NOT NULL, 
	rates NUMERIC NOT NULL, 
	amounts NUMERIC NOT NULL, 
	proposal_id UUID NOT NULL, 
	id UUID NOT NULL, 
	rev INTEGER NOT NULL, 
	kind TEXT GENERATED ALWAYS AS ('match_tolerance') STORED NOT NULL, 
	CONSTRAINT pk_match_tolerance PRIMARY KEY (id), 
	CONSTRAINT ck_match_tolerance_rates_narrow CHECK (rates >= 0 AND rates <= 0.0001), 
	CONSTRAINT ck_match_tolerance_amounts_narrow CHECK (amounts >= 0 AND amounts <= 0.05), 
	CONSTRAINT fk_match_tolerance_entry FOREIGN KEY(kind, id, rev) REFERENCES audit_effect (kind, id, rev) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT uq_match_tolerance_number UNIQUE (number), 
	CONSTRAINT fk_match_tolerance_proposal_id FOREIGN KEY(proposal_id) REFERENCES proposal (id) DEFERRABLE INITIALLY DEFERRED
);

CREATE TABLE person (
	name TEXT NOT NULL, 
	staff_number TEXT, 
	unit_id UUID NOT NULL, 
	disabled BOOLEAN NOT NULL, 
	id UUID NOT NULL, 
	rev INTEGER NOT NULL, 
	kind TEXT GENERATED ALWAYS AS ('person') STORED NOT NULL, 
	CONSTRAINT pk_person PRIMARY KEY (id), 
	CONSTRAINT fk_person_entry FOREIGN KEY(kind, id, rev) REFERENCES audit_effect (kind, id, rev) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT uq_person_staff_number UNIQUE (staff_number), 
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
	owner_id UUID, 
	id UUID NOT NULL, 
	rev INTEGER NOT NULL, 
	kind TEXT GENERATED ALWAYS AS ('account') STORED NOT NULL, 
	CONSTRAINT pk_account PRIMARY KEY (id), 
	CONSTRAINT ck_account_service_is_owned CHECK (service = (owner_id IS NOT NULL)), 
	CONSTRAINT fk_account_entry FOREIGN KEY(kind, id, rev) REFERENCES audit_effect (kind, id, rev) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT uq_account_name UNIQUE (name), 
	CONSTRAINT fk_account_person_id FOREIGN KEY(person_id) REFERENCES person (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_account_owner_id FOREIGN KEY(owner_id) REFERENCES person (id) DEFERRABLE INITIALLY DEFERRED
);

CREATE INDEX ix_account_owner_id ON account (owner_id);

CREATE INDEX ix_account_person_id ON account (person_id);

CREATE TABLE membership (
	person_id UUID NOT NULL, 
	unit_id UUID NOT NULL, 
	valid_from DATE NOT NULL, 
	id UUID NOT NULL, 
	rev INTEGER NOT NULL, 
	kind TEXT GENERATED ALWAYS AS ('membership') STORED NOT NULL, 
	CONSTRAINT pk_membership PRIMARY KEY (id), 
	CONSTRAINT fk_membership_entry FOREIGN KEY(kind, id, rev) REFERENCES audit_effect (kind, id, rev) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_membership_person_id FOREIGN KEY(person_id) REFERENCES person (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_membership_unit_id FOREIGN KEY(unit_id) REFERENCES unit (id) DEFERRABLE INITIALLY DEFERRED
);

CREATE INDEX ix_membership_person_id_valid_from ON membership (person_id, valid_from);

CREATE INDEX ix_membership_unit_id ON membership (unit_id);

CREATE TABLE policy_draft (
	state TEXT NOT NULL, 
	base TEXT NOT NULL, 
	version TEXT NOT NULL, 
	effective_at TIMESTAMP WITH TIME ZONE NOT NULL, 
	files JSONB NOT NULL, 
	author_id UUID NOT NULL, 
	reason TEXT NOT NULL, 
	id UUID NOT NULL, 
	rev INTEGER NOT NULL, 
	kind TEXT GENERATED ALWAYS AS ('policy_draft') STORED NOT NULL, 
	CONSTRAINT pk_policy_draft PRIMARY KEY (id), 
	CONSTRAINT fk_policy_draft_entry FOREIGN KEY(kind, id, rev) REFERENCES audit_effect (kind, id, rev) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_policy_draft_author_id FOREIGN KEY(author_id) REFERENCES person (id) DEFERRABLE INITIALLY DEFERRED
);

CREATE UNIQUE INDEX uq_policy_draft_active ON policy_draft ((true)) WHERE state = 'active';

CREATE UNIQUE INDEX uq_policy_draft_open ON policy_draft ((true)) WHERE state IN ('drafted', 'endorsed', 'approved');

CREATE TABLE absence (
	person_id UUID NOT NULL, 
	substitute_id UUID NOT NULL, 
	first_day DATE NOT NULL, 
	last_day DATE NOT NULL, 
	reason TEXT NOT NULL, 
	state TEXT NOT NULL, 
	planned_by UUID NOT NULL, 
	interrupted_on DATE, 
	id UUID NOT NULL, 
	rev INTEGER NOT NULL, 
	kind TEXT GENERATED ALWAYS AS ('absence') STORED NOT NULL, 
	CONSTRAINT pk_absence PRIMARY KEY (id), 
	CONSTRAINT ck_absence_ends_after_it_begins CHECK (first_day <= last_day), 
	CONSTRAINT ck_absence_another_person CHECK (person_id <> substitute_id), 
	CONSTRAINT ck_absence_state_known CHECK (state IN ('planned', 'accepted', 'interrupted', 'withdrawn')), 
	CONSTRAINT ck_absence_interrupted_on_a_day CHECK ((state = 'interrupted') = (interrupted_on IS NOT NULL)), 
	CONSTRAINT fk_absence_entry FOREIGN KEY(kind, id, rev) REFERENCES audit_effect (kind, id, rev) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_absence_person_id FOREIGN KEY(person_id) REFERENCES person (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_absence_substitute_id FOREIGN KEY(substitute_id) REFERENCES person (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_absence_planned_by FOREIGN KEY(planned_by) REFERENCES account (id) DEFERRABLE INITIALLY DEFERRED
);

CREATE INDEX ix_absence_person_id ON absence (person_id);

CREATE INDEX ix_absence_substitute_id ON absence (substitute_id);

CREATE TABLE agreement (
	counterparty_id UUID NOT NULL, 
	form TEXT NOT NULL, 
	name TEXT NOT NULL, 
	valid_from DATE NOT NULL, 
	valid_to DATE, 
	proposed_by UUID NOT NULL, 
	state TEXT NOT NULL, 
	reason TEXT, 
	id UUID NOT NULL, 
	rev INTEGER NOT NULL, 
	kind TEXT GENERATED ALWAYS AS ('agreement') STORED NOT NULL, 
	CONSTRAINT pk_agreement PRIMARY KEY (id), 
	CONSTRAINT ck_agreement_form_known CHECK (form IN ('master_agreement', 'waiver')), 
	CONSTRAINT ck_agreement_state_known CHECK (state IN ('draft', 'cleared', 'refused')), 
	CONSTRAINT ck_agreement_begins_as_draft CHECK (rev > 1 OR state = 'draft'), 
	CONSTRAINT ck_agreement_valid_for_a_day CHECK (valid_to >= valid_from), 
	CONSTRAINT fk_agreement_entry FOREIGN KEY(kind, id, rev) REFERENCES audit_effect (kind, id, rev) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_agreement_counterparty_id FOREIGN KEY(counterparty_id) REFERENCES counterparty (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_agreement_proposed_by FOREIGN KEY(proposed_by) REFERENCES account (id) DEFERRABLE INITIALLY DEFERRED
);

CREATE INDEX ix_agreement_counterparty_id_state ON agreement (counterparty_id, state);

CREATE TABLE alert_review (
	item_id UUID NOT NULL, 
	office TEXT NOT NULL, 
	alert TEXT NOT NULL, 
	finding TEXT NOT NULL, 
	reviewed_by UUID NOT NULL, 
	reviewed_at TIMESTAMP WITH TIME ZONE NOT NULL, 
	id UUID NOT NULL, 
	rev INTEGER NOT NULL, 
	kind TEXT GENERATED ALWAYS AS ('alert_review') STORED NOT NULL, 
	CONSTRAINT pk_alert_review PRIMARY KEY (id), 
	CONSTRAINT ck_alert_review_office_known CHECK (office IN ('back_office', 'compliance')), 
	CONSTRAINT fk_alert_review_entry FOREIGN KEY(kind, id, rev) REFERENCES audit_effect (kind, id, rev) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT uq_alert_review_item_id UNIQUE (item_id), 
	CONSTRAINT fk_alert_review_reviewed_by FOREIGN KEY(reviewed_by) REFERENCES account (id) DEFERRABLE INITIALLY DEFERRED
);

CREATE TABLE alleged_answer (
	alleged_id UUID NOT NULL, 
	known BOOLEAN NOT NULL, 
	said TEXT NOT NULL, 
	answered_by UUID NOT NULL, 
	answered_at TIMESTAMP WITH TIME ZONE NOT NULL, 
	id UUID NOT NULL, 
	rev INTEGER NOT NULL, 
	kind TEXT GENERATED ALWAYS AS ('alleged_answer') STORED NOT NULL, 
	CONSTRAINT pk_alleged_answer PRIMARY KEY (id), 
	CONSTRAINT fk_alleged_answer_entry FOREIGN KEY(kind, id, rev) REFERENCES audit_effect (kind, id, rev) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT uq_alleged_answer_alleged_id UNIQUE (alleged_id), 
	CONSTRAINT fk_alleged_answer_alleged_id FOREIGN KEY(alleged_id) REFERENCES alleged_deal (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_alleged_answer_answered_by FOREIGN KEY(answered_by) REFERENCES account (id) DEFERRABLE INITIALLY DEFERRED
);

CREATE TABLE benchmark (
	benchmark TEXT NOT NULL, 
	product TEXT, 
	tolerance_bp NUMERIC, 
	currency TEXT, 
	day DATE, 
	rate_percent NUMERIC, 
	source TEXT, 
	proposed_by UUID, 
	state TEXT NOT NULL, 
	reason TEXT, 
	id UUID NOT NULL, 
	rev INTEGER NOT NULL, 
	kind TEXT GENERATED ALWAYS AS ('benchmark') STORED NOT NULL, 
	CONSTRAINT pk_benchmark PRIMARY KEY (id), 
	CONSTRAINT ck_benchmark_benchmark_known CHECK (benchmark IN ('tolerance', 'reference_rate')), 
	CONSTRAINT ck_benchmark_state_known CHECK (state IN ('proposed', 'in_force', 'refused')), 
	CONSTRAINT ck_benchmark_begins_as_proposed CHECK (rev > 1 OR state = 'proposed' OR proposed_by IS NULL), 
	CONSTRAINT ck_benchmark_tolerance_whole CHECK (benchmark <> 'tolerance' OR (product IS NOT NULL AND tolerance_bp >= 0)), 
	CONSTRAINT ck_benchmark_reference_rate_whole CHECK (benchmark <> 'reference_rate' OR (currency IS NOT NULL AND day IS NOT NULL AND rate_percent IS NOT NULL AND source IS NOT NULL)), 
	CONSTRAINT fk_benchmark_entry FOREIGN KEY(kind, id, rev) REFERENCES audit_effect (kind, id, rev) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_benchmark_proposed_by FOREIGN KEY(proposed_by) REFERENCES account (id) DEFERRABLE INITIALLY DEFERRED
);

CREATE INDEX ix_benchmark_benchmark_state ON benchmark (benchmark, state);

CREATE TABLE call_back (
	subject_kind TEXT NOT NULL, 
	subject_id UUID NOT NULL, 
	counterparty_id UUID NOT NULL, 
	number TEXT NOT NULL, 
	spoke_to TEXT NOT NULL, 
	outcome TEXT NOT NULL, 
	note TEXT NOT NULL, 
	made_by UUID NOT NULL, 
	made_at TIMESTAMP WITH TIME ZONE NOT NULL, 
	state TEXT NOT NULL, 
	checked_by UUID, 
	id UUID NOT NULL, 
	rev INTEGER NOT NULL, 
	kind TEXT GENERATED ALWAYS AS ('call_back') STORED NOT NULL, 
	CONSTRAINT pk_call_back PRIMARY KEY (id), 
	CONSTRAINT ck_call_back_subject_known CHECK (subject_kind IN ('instruction', 'settlement')), 
	CONSTRAINT ck_call_back_outcome_known CHECK (outcome IN ('confirmed', 'denied')), 
	CONSTRAINT ck_call_back_state_known CHECK (state IN ('made', 'confirmed', 'rejected')), 
	CONSTRAINT fk_call_back_entry FOREIGN KEY(kind, id, rev) REFERENCES audit_effect (kind, id, rev) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_call_back_counterparty_id FOREIGN KEY(counterparty_id) REFERENCES counterparty (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_call_back_made_by FOREIGN KEY(made_by) REFERENCES account (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_call_back_checked_by FOREIGN KEY(checked_by) REFERENCES account (id) DEFERRABLE INITIALLY DEFERRED
);

CREATE INDEX ix_call_back_subject_id_state ON call_back (subject_id, state);

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

CREATE TABLE delegation (
	account_id UUID NOT NULL, 
	deputy_id UUID NOT NULL, 
	roles JSONB NOT NULL, 
	reason TEXT NOT NULL, 
	valid_from TIMESTAMP WITH TIME ZONE NOT NULL, 
	valid_to TIMESTAMP WITH TIME ZONE NOT NULL, 
	state TEXT NOT NULL, 
	requested_by UUID NOT NULL, 
	id UUID NOT NULL, 
	rev INTEGER NOT NULL, 
	kind TEXT GENERATED ALWAYS AS ('delegation') STORED NOT NULL, 
	CONSTRAINT pk_delegation PRIMARY KEY (id), 
	CONSTRAINT ck_delegation_ends_after_it_begins CHECK (valid_from < valid_to), 
	CONSTRAINT ck_delegation_to_another_account CHECK (account_id <> deputy_id), 
	CONSTRAINT ck_delegation_state_known CHECK (state IN ('requested', 'approved', 'refused', 'ended')), 
	CONSTRAINT fk_delegation_entry FOREIGN KEY(kind, id, rev) REFERENCES audit_effect (kind, id, rev) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_delegation_account_id FOREIGN KEY(account_id) REFERENCES account (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_delegation_deputy_id FOREIGN KEY(deputy_id) REFERENCES account (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_delegation_requested_by FOREIGN KEY(requested_by) REFERENCES account (id) DEFERRABLE INITIALLY DEFERRED
);

CREATE INDEX ix_delegation_account_id ON delegation (account_id);

CREATE INDEX ix_delegation_deputy_id ON delegation (deputy_id);

CREATE TABLE desk_receipt (
	report_id UUID NOT NULL, 
	received_by UUID NOT NULL, 
	received_at TIMESTAMP WITH TIME ZONE NOT NULL, 
	remark TEXT, 
	id UUID NOT NULL, 
	rev INTEGER NOT NULL, 
	kind TEXT GENERATED ALWAYS AS ('desk_receipt') STORED NOT NULL, 
	CONSTRAINT pk_desk_receipt PRIMARY KEY (id), 
	CONSTRAINT fk_desk_receipt_entry FOREIGN KEY(kind, id, rev) REFERENCES audit_effect (kind, id, rev) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT uq_desk_receipt_report_id UNIQUE (report_id), 
	CONSTRAINT fk_desk_receipt_report_id FOREIGN KEY(report_id) REFERENCES desk_report (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_desk_receipt_received_by FOREIGN KEY(received_by) REFERENCES account (id) DEFERRABLE INITIALLY DEFERRED
);

CREATE TABLE desk_rule (
	rule TEXT NOT NULL, 
	product TEXT, 
	desk_id UUID, 
	at TIME WITHOUT TIME ZONE, 
	person_id UUID, 
	locations JSONB, 
	max_eur NUMERIC, 
	valid_from DATE NOT NULL, 
	valid_to DATE, 
	proposed_by UUID, 
	state TEXT NOT NULL, 
	reason TEXT, 
	id UUID NOT NULL, 
	rev INTEGER NOT NULL, 
	kind TEXT GENERATED ALWAYS AS ('desk_rule') STORED NOT NULL, 
	CONSTRAINT pk_desk_rule PRIMARY KEY (id), 
	CONSTRAINT ck_desk_rule_rule_known CHECK (rule IN ('cut_off', 'mandate')), 
	CONSTRAINT ck_desk_rule_state_known CHECK (state IN ('proposed', 'in_force', 'refused')), 
	CONSTRAINT ck_desk_rule_cut_off_whole CHECK (rule <> 'cut_off' OR (product IS NOT NULL AND at IS NOT NULL)), 
	CONSTRAINT ck_desk_rule_mandate_whole CHECK (rule <> 'mandate' OR (person_id IS NOT NULL AND locations IS NOT NULL AND max_eur > 0)), 
	CONSTRAINT fk_desk_rule_entry FOREIGN KEY(kind, id, rev) REFERENCES audit_effect (kind, id, rev) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_desk_rule_desk_id FOREIGN KEY(desk_id) REFERENCES unit (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_desk_rule_person_id FOREIGN KEY(person_id) REFERENCES person (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_desk_rule_proposed_by FOREIGN KEY(proposed_by) REFERENCES account (id) DEFERRABLE INITIALLY DEFERRED
);

CREATE INDEX ix_desk_rule_rule_state ON desk_rule (rule, state);

CREATE TABLE document (
	sha256 TEXT NOT NULL, 
	size INTEGER NOT NULL, 
	media_type TEXT NOT NULL, 
	name TEXT NOT NULL, 
	document_kind TEXT NOT NULL, 
	retention_class TEXT NOT NULL, 
	origin TEXT NOT NULL, 
	office TEXT NOT NULL, 
	subject_kind TEXT, 
	subject_id UUID, 
	trade_id UUID, 
	filed_by UUID NOT NULL, 
	filed_at TIMESTAMP WITH TIME ZONE NOT NULL, 
	id UUID NOT NULL, 
	rev INTEGER NOT NULL, 
	kind TEXT GENERATED ALWAYS AS ('document') STORED NOT NULL, 
	CONSTRAINT pk_document PRIMARY KEY (id), 
	CONSTRAINT ck_document_subject_whole CHECK ((subject_kind IS NULL) = (subject_id IS NULL)), 
	CONSTRAINT fk_document_entry FOREIGN KEY(kind, id, rev) REFERENCES audit_effect (kind, id, rev) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_document_filed_by FOREIGN KEY(filed_by) REFERENCES account (id) DEFERRABLE INITIALLY DEFERRED
);

CREATE INDEX ix_document_filed_at_id ON document (filed_at, id);

CREATE INDEX ix_document_sha256 ON document (sha256);

CREATE INDEX ix_document_subject_id ON document (subject_id);

CREATE INDEX ix_document_trade_id ON document (trade_id);

CREATE TABLE net (
	counterparty_id UUID NOT NULL, 
	currency TEXT NOT NULL, 
	pay_on DATE NOT NULL, 
	instruction_id UUID NOT NULL, 
	amount NUMERIC NOT NULL, 
	legs INTEGER NOT NULL, 
	state TEXT NOT NULL, 
	composed_by UUID NOT NULL, 
	reason TEXT, 
	failure_code TEXT, 
	id UUID NOT NULL, 
	rev INTEGER NOT NULL, 
	kind TEXT GENERATED ALWAYS AS ('net') STORED NOT NULL, 
	CONSTRAINT pk_net PRIMARY KEY (id), 
	CONSTRAINT ck_net_state_known CHECK (state IN ('composed', 'released', 'settled', 'failed', 'returned', 'broken')), 
	CONSTRAINT ck_net_legs_bounded CHECK (legs BETWEEN 1 AND 50), 
	CONSTRAINT ck_net_a_net_of_one_is_none CHECK (state IN ('composed', 'broken') OR legs >= 2), 
	CONSTRAINT fk_net_entry FOREIGN KEY(kind, id, rev) REFERENCES audit_effect (kind, id, rev) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_net_counterparty_id FOREIGN KEY(counterparty_id) REFERENCES counterparty (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_net_instruction_id FOREIGN KEY(instruction_id) REFERENCES instruction (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_net_composed_by FOREIGN KEY(composed_by) REFERENCES account (id) DEFERRABLE INITIALLY DEFERRED
);

CREATE INDEX ix_net_state ON net (state);

CREATE TABLE notice (
	subject_kind TEXT NOT NULL, 
	subject_id UUID NOT NULL, 
	taken_by UUID NOT NULL, 
	taken_at TIMESTAMP WITH TIME ZONE NOT NULL, 
	note TEXT, 
	id UUID NOT NULL, 
	rev INTEGER NOT NULL, 
	kind TEXT GENERATED ALWAYS AS ('notice') STORED NOT NULL, 
	CONSTRAINT pk_notice PRIMARY KEY (id), 
	CONSTRAINT fk_notice_entry FOREIGN KEY(kind, id, rev) REFERENCES audit_effect (kind, id, rev) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_notice_taken_by FOREIGN KEY(taken_by) REFERENCES account (id) DEFERRABLE INITIALLY DEFERRED
);

CREATE TABLE organisation_proposal (
	valid_from DATE NOT NULL, 
	lines JSONB NOT NULL, 
	reason TEXT NOT NULL, 
	proposed_by UUID NOT NULL, 
	state TEXT NOT NULL, 
	answer TEXT, 
	id UUID NOT NULL, 
	rev INTEGER NOT NULL, 
	kind TEXT GENERATED ALWAYS AS ('organisation_proposal') STORED NOT NULL, 
	CONSTRAINT pk_organisation_proposal PRIMARY KEY (id), 
	CONSTRAINT ck_organisation_proposal_state_known CHECK (state IN ('proposed', 'approved', 'refused')), 
	CONSTRAINT ck_organisation_proposal_begins_proposed CHECK (rev > 1 OR state = 'proposed'), 
	CONSTRAINT fk_organisation_proposal_entry FOREIGN KEY(kind, id, rev) REFERENCES audit_effect (kind, id, rev) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_organisation_proposal_proposed_by FOREIGN KEY(proposed_by) REFERENCES account (id) DEFERRABLE INITIALLY DEFERRED
);

CREATE TABLE policy_approval (
	draft_id UUID NOT NULL, 
	person_id UUID NOT NULL, 
	id UUID NOT NULL, 
	rev INTEGER NOT NULL, 
	kind TEXT GENERATED ALWAYS AS ('policy_approval') STORED NOT NULL, 
	CONSTRAINT pk_policy_approval PRIMARY KEY (id), 
	CONSTRAINT uq_policy_approval_draft_id_person_id UNIQUE (draft_id, person_id), 
	CONSTRAINT fk_policy_approval_entry FOREIGN KEY(kind, id, rev) REFERENCES audit_effect (kind, id, rev) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_policy_approval_draft_id FOREIGN KEY(draft_id) REFERENCES policy_draft (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_policy_approval_person_id FOREIGN KEY(person_id) REFERENCES person (id) DEFERRABLE INITIALLY DEFERRED
);

CREATE TABLE role_grant (
	account_id UUID NOT NULL, 
	role TEXT NOT NULL, 
	state TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	valid_from TIMESTAMP WITH TIME ZONE, 
	valid_until TIMESTAMP WITH TIME ZONE, 
	id UUID NOT NULL, 
	rev INTEGER NOT NULL, 
	kind TEXT GENERATED ALWAYS AS ('role_grant') STORED NOT NULL, 
	CONSTRAINT pk_role_grant PRIMARY KEY (id), 
	CONSTRAINT ck_role_grant_valid_for_a_while CHECK (valid_until > valid_from), 
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
	device TEXT, 
	ended_at TIMESTAMP WITH TIME ZONE, 
	ended_why TEXT, 
	entry_id UUID NOT NULL, 
	CONSTRAINT pk_session PRIMARY KEY (id), 
	CONSTRAINT fk_session_entry FOREIGN KEY(entry_id) REFERENCES audit_entry (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_session_account_id FOREIGN KEY(account_id) REFERENCES account (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT uq_session_token_sha256 UNIQUE (token_sha256)
);

CREATE INDEX ix_session_account_id ON session (account_id);

CREATE TABLE settlement_rule (
	rule TEXT NOT NULL, 
	product TEXT, 
	market TEXT, 
	currency TEXT, 
	counterparty_id UUID, 
	code TEXT, 
	name_en TEXT, 
	name_de TEXT, 
	number TEXT, 
	days INTEGER, 
	at TIME WITHOUT TIME ZONE, 
	zone TEXT, 
	amount NUMERIC, 
	rate_bp NUMERIC, 
	allowed BOOLEAN, 
	valid_from DATE NOT NULL, 
	source TEXT NOT NULL, 
	proposed_by UUID, 
	state TEXT NOT NULL, 
	reason TEXT, 
	id UUID NOT NULL, 
	rev INTEGER NOT NULL, 
	kind TEXT GENERATED ALWAYS AS ('settlement_rule') STORED NOT NULL, 
	CONSTRAINT pk_settlement_rule PRIMARY KEY (id), 
	CONSTRAINT ck_settlement_rule_rule_known CHECK (rule IN ('call_back', 'cut_off', 'cycle', 'freshness', 'ladder', 'netting', 'penalty', 'reason')), 
	CONSTRAINT ck_settlement_rule_state_known CHECK (state IN ('proposed', 'in_force', 'refused')), 
	CONSTRAINT ck_settlement_rule_amount_positive CHECK (amount > 0), 
	CONSTRAINT ck_settlement_rule_days_not_negative CHECK (days >= 0), 
	CONSTRAINT ck_settlement_rule_rate_not_negative CHECK (rate_bp >= 0), 
	CONSTRAINT fk_settlement_rule_entry FOREIGN KEY(kind, id, rev) REFERENCES audit_effect (kind, id, rev) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_settlement_rule_counterparty_id FOREIGN KEY(counterparty_id) REFERENCES counterparty (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_settlement_rule_proposed_by FOREIGN KEY(proposed_by) REFERENCES account (id) DEFERRABLE INITIALLY DEFERRED
);

CREATE INDEX ix_settlement_rule_rule_state ON settlement_rule (rule, state);

CREATE TABLE staff_event (
	staff_number TEXT NOT NULL, 
	event TEXT NOT NULL, 
	person_id UUID NOT NULL, 
	unit_id UUID, 
	effective_on DATE NOT NULL, 
	reported_at TIMESTAMP WITH TIME ZONE NOT NULL, 
	reported_by UUID NOT NULL, 
	rights_ended INTEGER NOT NULL, 
	id UUID NOT NULL, 
	rev INTEGER NOT NULL, 
	kind TEXT GENERATED ALWAYS AS ('staff_event') STORED NOT NULL, 
	CONSTRAINT pk_staff_event PRIMARY KEY (id), 
	CONSTRAINT ck_staff_event_event_known CHECK (event IN ('joiner', 'mover', 'leaver', 'applies', 'withdraws')), 
	CONSTRAINT ck_staff_event_event_whole CHECK ((event = 'leaver') = (unit_id IS NULL)), 
	CONSTRAINT fk_staff_event_entry FOREIGN KEY(kind, id, rev) REFERENCES audit_effect (kind, id, rev) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_staff_event_person_id FOREIGN KEY(person_id) REFERENCES person (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_staff_event_unit_id FOREIGN KEY(unit_id) REFERENCES unit (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_staff_event_reported_by FOREIGN KEY(reported_by) REFERENCES account (id) DEFERRABLE INITIALLY DEFERRED
);

CREATE INDEX ix_staff_event_person_id ON staff_event (person_id);

CREATE UNIQUE INDEX ix_staff_event_staff_number_event_effective_on_unit_id ON staff_event (staff_number, event, effective_on, unit_id);

CREATE TABLE trade (
	type TEXT NOT NULL, 
	portfolio_id UUID NOT NULL, 
	number BIGINT NOT NULL, 
	captured_by UUID NOT NULL, 
	captured_at TIMESTAMP WITH TIME ZONE NOT NULL, 
	marks JSONB NOT NULL, 
	version INTEGER NOT NULL, 
	terms_digest TEXT NOT NULL, 
	mirrors_id UUID, 
	offered_to_id UUID, 
	purpose TEXT, 
	replaces_id UUID, 
	id UUID NOT NULL, 
	rev INTEGER NOT NULL, 
	kind TEXT GENERATED ALWAYS AS ('trade') STORED NOT NULL, 
	CONSTRAINT pk_trade PRIMARY KEY (id), 
	CONSTRAINT uq_trade_portfolio_id_number UNIQUE (portfolio_id, number), 
	CONSTRAINT ck_trade_version_positive CHECK (version >= 1), 
	CONSTRAINT fk_trade_entry FOREIGN KEY(kind, id, rev) REFERENCES audit_effect (kind, id, rev) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_trade_portfolio_id FOREIGN KEY(portfolio_id) REFERENCES portfolio (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_trade_captured_by FOREIGN KEY(captured_by) REFERENCES account (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT uq_trade_mirrors_id UNIQUE (mirrors_id), 
	CONSTRAINT fk_trade_mirrors_id FOREIGN KEY(mirrors_id) REFERENCES trade (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_trade_offered_to_id FOREIGN KEY(offered_to_id) REFERENCES portfolio (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_trade_replaces_id FOREIGN KEY(replaces_id) REFERENCES trade (id) DEFERRABLE INITIALLY DEFERRED
);

CREATE INDEX ix_trade_captured_at ON trade (captured_at);

CREATE INDEX ix_trade_off_premises ON trade (captured_at) WHERE marks @> '["off_premises"]';

CREATE INDEX ix_trade_offered ON trade (captured_at, id) WHERE offered_to_id IS NOT NULL;

CREATE TABLE trading_limit (
	scope TEXT NOT NULL, 
	owner_id UUID NOT NULL, 
	amount_eur NUMERIC NOT NULL, 
	valid_from DATE NOT NULL, 
	valid_to DATE NOT NULL, 
	short_term BOOLEAN NOT NULL, 
	reason TEXT NOT NULL, 
	proposed_by UUID NOT NULL, 
	state TEXT NOT NULL, 
	decided_at TIMESTAMP WITH TIME ZONE, 
	id UUID NOT NULL, 
	rev INTEGER NOT NULL, 
	kind TEXT GENERATED ALWAYS AS ('trading_limit') STORED NOT NULL, 
	CONSTRAINT pk_trading_limit PRIMARY KEY (id), 
	CONSTRAINT ck_trading_limit_scope_known CHECK (scope IN ('counterparty', 'portfolio')), 
	CONSTRAINT ck_trading_limit_state_known CHECK (state IN ('proposed', 'in_force', 'refused')), 
	CONSTRAINT ck_trading_limit_amount_not_negative CHECK (amount_eur >= 0), 
	CONSTRAINT ck_trading_limit_valid_for_a_day CHECK (valid_to >= valid_from), 
	CONSTRAINT ck_trading_limit_short_term_is_short CHECK (NOT short_term OR valid_to < valid_from + interval '3 months'), 
	CONSTRAINT fk_trading_limit_entry FOREIGN KEY(kind, id, rev) REFERENCES audit_effect (kind, id, rev) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_trading_limit_proposed_by FOREIGN KEY(proposed_by) REFERENCES account (id) DEFERRABLE INITIALLY DEFERRED
);

CREATE INDEX ix_trading_limit_scope_owner_id_state ON trading_limit (scope, owner_id, state);

CREATE TABLE transfer (
	purpose TEXT NOT NULL, 
	currency TEXT NOT NULL, 
	amount NUMERIC NOT NULL, 
	from_account TEXT NOT NULL, 
	to_account TEXT NOT NULL, 
	value_date DATE NOT NULL, 
	reason TEXT NOT NULL, 
	breakdown JSONB NOT NULL, 
	desk_id UUID NOT NULL, 
	requested_by UUID NOT NULL, 
	requested_at TIMESTAMP WITH TIME ZONE NOT NULL, 
	id UUID NOT NULL, 
	rev INTEGER NOT NULL, 
	kind TEXT GENERATED ALWAYS AS ('transfer') STORED NOT NULL, 
	CONSTRAINT pk_transfer PRIMARY KEY (id), 
	CONSTRAINT ck_transfer_amount_positive CHECK (amount > 0), 
	CONSTRAINT fk_transfer_entry FOREIGN KEY(kind, id, rev) REFERENCES audit_effect (kind, id, rev) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_transfer_desk_id FOREIGN KEY(desk_id) REFERENCES unit (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_transfer_requested_by FOREIGN KEY(requested_by) REFERENCES account (id) DEFERRABLE INITIALLY DEFERRED
);

CREATE TABLE transfer_control (
	state TEXT NOT NULL, 
	need JSONB NOT NULL, 
	prepared_by UUID NOT NULL, 
	reason TEXT, 
	id UUID NOT NULL, 
	rev INTEGER NOT NULL, 
	kind TEXT GENERATED ALWAYS AS ('transfer_control') STORED NOT NULL, 
	CONSTRAINT pk_transfer_control PRIMARY KEY (id), 
	CONSTRAINT ck_transfer_control_state_known CHECK (state IN ('prepared', 'held', 'released', 'refused')), 
	CONSTRAINT fk_transfer_control_entry FOREIGN KEY(kind, id, rev) REFERENCES audit_effect (kind, id, rev) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_transfer_control_prepared_by FOREIGN KEY(prepared_by) REFERENCES account (id) DEFERRABLE INITIALLY DEFERRED
);

CREATE TABLE absence_review (
	absence_id UUID NOT NULL, 
	office TEXT NOT NULL, 
	finding TEXT NOT NULL, 
	reviewed_by UUID NOT NULL, 
	id UUID NOT NULL, 
	rev INTEGER NOT NULL, 
	kind TEXT GENERATED ALWAYS AS ('absence_review') STORED NOT NULL, 
	CONSTRAINT pk_absence_review PRIMARY KEY (id), 
	CONSTRAINT fk_absence_review_entry FOREIGN KEY(kind, id, rev) REFERENCES audit_effect (kind, id, rev) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_absence_review_absence_id FOREIGN KEY(absence_id) REFERENCES absence (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_absence_review_reviewed_by FOREIGN KEY(reviewed_by) REFERENCES account (id) DEFERRABLE INITIALLY DEFERRED
);

CREATE INDEX ix_absence_review_absence_id ON absence_review (absence_id);

CREATE TABLE case_file (
	state TEXT NOT NULL, 
	office TEXT NOT NULL, 
	signs TEXT NOT NULL, 
	owner_id UUID NOT NULL, 
	title TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	suspicion BOOLEAN NOT NULL, 
	trade_id UUID, 
	person_id UUID, 
	subject_kind TEXT, 
	subject_id UUID, 
	opened_by UUID NOT NULL, 
	opened_at TIMESTAMP WITH TIME ZONE NOT NULL, 
	outcome TEXT, 
	decision TEXT, 
	decided_by UUID, 
	answer TEXT, 
	answered_by UUID, 
	id UUID NOT NULL, 
	rev INTEGER NOT NULL, 
	kind TEXT GENERATED ALWAYS AS ('case_file') STORED NOT NULL, 
	CONSTRAINT pk_case_file PRIMARY KEY (id), 
	CONSTRAINT ck_case_file_state_known CHECK (state IN ('open', 'decided', 'returned', 'closed')), 
	CONSTRAINT ck_case_file_signed_elsewhere CHECK (office <> signs), 
	CONSTRAINT ck_case_file_subject_whole CHECK ((subject_kind IS NULL) = (subject_id IS NULL)), 
	CONSTRAINT fk_case_file_entry FOREIGN KEY(kind, id, rev) REFERENCES audit_effect (kind, id, rev) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_case_file_owner_id FOREIGN KEY(owner_id) REFERENCES account (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_case_file_trade_id FOREIGN KEY(trade_id) REFERENCES trade (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_case_file_person_id FOREIGN KEY(person_id) REFERENCES person (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_case_file_opened_by FOREIGN KEY(opened_by) REFERENCES account (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_case_file_decided_by FOREIGN KEY(decided_by) REFERENCES account (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_case_file_answered_by FOREIGN KEY(answered_by) REFERENCES account (id) DEFERRABLE INITIALLY DEFERRED
);

CREATE INDEX ix_case_file_person_id ON case_file (person_id);

CREATE INDEX ix_case_file_trade_id ON case_file (trade_id);

CREATE TABLE change_request (
	trade_id UUID NOT NULL, 
	trade_version INTEGER NOT NULL, 
	request TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	requested_by UUID NOT NULL, 
	requested_at TIMESTAMP WITH TIME ZONE NOT NULL, 
	terms JSONB, 
	changes JSONB, 
	material BOOLEAN, 
	impact JSONB, 
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
	draft INTEGER NOT NULL, 
	state TEXT NOT NULL, 
	ours JSONB NOT NULL, 
	traded_on DATE NOT NULL, 
	currencies TEXT NOT NULL, 
	confirm_by DATE NOT NULL, 
	sent_at TIMESTAMP WITH TIME ZONE, 
	counter JSONB, 
	counter_at TIMESTAMP WITH TIME ZONE, 
	counter_source TEXT, 
	breaks JSONB, 
	agreed_by JSONB, 
	id UUID NOT NULL, 
	rev INTEGER NOT NULL, 
	kind TEXT GENERATED ALWAYS AS ('confirmation') STORED NOT NULL, 
	CONSTRAINT pk_confirmation PRIMARY KEY (id), 
	CONSTRAINT uq_confirmation_trade_id_version_draft UNIQUE (trade_id, version, draft), 
	CONSTRAINT fk_confirmation_entry FOREIGN KEY(kind, id, rev) REFERENCES audit_effect (kind, id, rev) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_confirmation_trade_id FOREIGN KEY(trade_id) REFERENCES trade (id) DEFERRABLE INITIALLY DEFERRED
);

CREATE INDEX ix_confirmation_matched ON confirmation (id) WHERE state = 'matched';

CREATE INDEX ix_confirmation_state_confirm_by ON confirmation (state, confirm_by);

CREATE INDEX ix_confirmation_state_traded_on_currencies ON confirmation (state, traded_on, currencies);

CREATE TABLE confirmation_channel (
	counterparty_id UUID NOT NULL, 
	format TEXT NOT NULL, 
	medium TEXT NOT NULL, 
	address TEXT NOT NULL, 
	senders JSONB NOT NULL, 
	language TEXT NOT NULL, 
	party_class TEXT NOT NULL, 
	call_back TEXT NOT NULL, 
	long_form BOOLEAN NOT NULL, 
	deemed_days INTEGER, 
	deemed_clause TEXT, 
	agreement_id UUID, 
	proposal_id UUID NOT NULL, 
	id UUID NOT NULL, 
	rev INTEGER NOT NULL, 
	kind TEXT GENERATED ALWAYS AS ('confirmation_channel') STORED NOT NULL, 
	CONSTRAINT pk_confirmation_channel PRIMARY KEY (id), 
	CONSTRAINT ck_confirmation_channel_format_known CHECK (format IN ('swift', 'fpml', 'letter')), 
	CONSTRAINT ck_confirmation_channel_medium_known CHECK (medium IN ('file', 'mail')), 
	CONSTRAINT ck_confirmation_channel_class_known CHECK (party_class IN ('financial', 'non_financial_plus', 'non_financial')), 
	CONSTRAINT ck_confirmation_channel_deemed_whole CHECK (num_nonnulls(deemed_days, deemed_clause, agreement_id) IN (0, 3)), 
	CONSTRAINT fk_confirmation_channel_entry FOREIGN KEY(kind, id, rev) REFERENCES audit_effect (kind, id, rev) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_confirmation_channel_counterparty_id FOREIGN KEY(counterparty_id) REFERENCES counterparty (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_confirmation_channel_agreement_id FOREIGN KEY(agreement_id) REFERENCES agreement (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_confirmation_channel_proposal_id FOREIGN KEY(proposal_id) REFERENCES proposal (id) DEFERRABLE INITIALLY DEFERRED
);

CREATE INDEX ix_confirmation_channel_counterparty_id ON confirmation_channel (counterparty_id);

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

CREATE TABLE excess (
	limit_id UUID NOT NULL, 
	cause TEXT NOT NULL, 
	measure TEXT NOT NULL, 
	closed_by UUID NOT NULL, 
	closed_at TIMESTAMP WITH TIME ZONE NOT NULL, 
	id UUID NOT NULL, 
	rev INTEGER NOT NULL, 
	kind TEXT GENERATED ALWAYS AS ('excess') STORED NOT NULL, 
	CONSTRAINT pk_excess PRIMARY KEY (id), 
	CONSTRAINT fk_excess_entry FOREIGN KEY(kind, id, rev) REFERENCES audit_effect (kind, id, rev) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_excess_limit_id FOREIGN KEY(limit_id) REFERENCES trading_limit (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_excess_closed_by FOREIGN KEY(closed_by) REFERENCES account (id) DEFERRABLE INITIALLY DEFERRED
);

CREATE INDEX ix_excess_limit_id ON excess (limit_id);

CREATE TABLE forwarded_confirmation (
	trade_id UUID NOT NULL, 
	said_sender TEXT NOT NULL, 
	said TEXT NOT NULL, 
	forwarded_by UUID NOT NULL, 
	forwarded_at TIMESTAMP WITH TIME ZONE NOT NULL, 
	id UUID NOT NULL, 
	rev INTEGER NOT NULL, 
	kind TEXT GENERATED ALWAYS AS ('forwarded_confirmation') STORED NOT NULL, 
	CONSTRAINT pk_forwarded_confirmation PRIMARY KEY (id), 
	CONSTRAINT fk_forwarded_confirmation_entry FOREIGN KEY(kind, id, rev) REFERENCES audit_effect (kind, id, rev) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_forwarded_confirmation_trade_id FOREIGN KEY(trade_id) REFERENCES trade (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_forwarded_confirmation_forwarded_by FOREIGN KEY(forwarded_by) REFERENCES account (id) DEFERRABLE INITIALLY DEFERRED
);

CREATE INDEX ix_forwarded_confirmation_trade_id ON forwarded_confirmation (trade_id);

CREATE TABLE journal (
	event_key TEXT NOT NULL, 
	trade_id UUID, 
	version INTEGER, 
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

CREATE TABLE limit_reservation (
	id UUID NOT NULL, 
	trade_id UUID NOT NULL, 
	version INTEGER NOT NULL, 
	scope TEXT NOT NULL, 
	owner_id UUID NOT NULL, 
	limit_id UUID, 
	why TEXT NOT NULL, 
	currency TEXT NOT NULL, 
	amount NUMERIC NOT NULL, 
	eur_amount NUMERIC NOT NULL, 
	fixing_day DATE, 
	entry_id UUID NOT NULL, 
	CONSTRAINT pk_limit_reservation PRIMARY KEY (id), 
	CONSTRAINT fk_limit_reservation_entry FOREIGN KEY(entry_id) REFERENCES audit_entry (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_limit_reservation_trade_id FOREIGN KEY(trade_id) REFERENCES trade (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_limit_reservation_limit_id FOREIGN KEY(limit_id) REFERENCES trading_limit (id) DEFERRABLE INITIALLY DEFERRED
);

CREATE INDEX ix_limit_reservation_scope_owner_id ON limit_reservation (scope, owner_id);

CREATE INDEX ix_limit_reservation_trade_id ON limit_reservation (trade_id);

CREATE TABLE limit_vote (
	limit_id UUID NOT NULL, 
	account_id UUID NOT NULL, 
	person_id UUID NOT NULL, 
	vote TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	id UUID NOT NULL, 
	rev INTEGER NOT NULL, 
	kind TEXT GENERATED ALWAYS AS ('limit_vote') STORED NOT NULL, 
	CONSTRAINT pk_limit_vote PRIMARY KEY (id), 
	CONSTRAINT uq_limit_vote_limit_id_person_id UNIQUE (limit_id, person_id), 
	CONSTRAINT fk_limit_vote_entry FOREIGN KEY(kind, id, rev) REFERENCES audit_effect (kind, id, rev) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_limit_vote_limit_id FOREIGN KEY(limit_id) REFERENCES trading_limit (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_limit_vote_account_id FOREIGN KEY(account_id) REFERENCES account (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_limit_vote_person_id FOREIGN KEY(person_id) REFERENCES person (id) DEFERRABLE INITIALLY DEFERRED
);

CREATE TABLE market_check (
	id UUID NOT NULL, 
	trade_id UUID NOT NULL, 
	version INTEGER NOT NULL, 
	seq INTEGER NOT NULL, 
	state TEXT NOT NULL, 
	why TEXT NOT NULL, 
	dealt NUMERIC NOT NULL, 
	reference NUMERIC, 
	reference_day DATE, 
	source TEXT, 
	deviation_bp NUMERIC, 
	tolerance_bp NUMERIC, 
	inverted BOOLEAN NOT NULL, 
	checked_at TIMESTAMP WITH TIME ZONE NOT NULL, 
	entry_id UUID NOT NULL, 
	CONSTRAINT pk_market_check PRIMARY KEY (id), 
	CONSTRAINT uq_market_check_trade_id_version_seq UNIQUE (trade_id, version, seq), 
	CONSTRAINT ck_market_check_state_known CHECK (state IN ('ok', 'alert', 'no_reference')), 
	CONSTRAINT fk_market_check_entry FOREIGN KEY(entry_id) REFERENCES audit_entry (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_market_check_trade_id FOREIGN KEY(trade_id) REFERENCES trade (id) DEFERRABLE INITIALLY DEFERRED
);

CREATE INDEX ix_market_check_beside ON market_check (checked_at, id) WHERE state <> 'ok';

CREATE INDEX ix_market_check_checked_at_id ON market_check (checked_at, id);

CREATE INDEX ix_market_check_entry_id ON market_check (entry_id);

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

CREATE INDEX ix_position_movement_trade_id ON position_movement (trade_id);

CREATE TABLE premises_report (
	trade_id UUID NOT NULL, 
	acknowledged_by UUID NOT NULL, 
	acknowledged_at TIMESTAMP WITH TIME ZONE NOT NULL, 
	note TEXT, 
	id UUID NOT NULL, 
	rev INTEGER NOT NULL, 
	kind TEXT GENERATED ALWAYS AS ('premises_report') STORED NOT NULL, 
	CONSTRAINT pk_premises_report PRIMARY KEY (id), 
	CONSTRAINT fk_premises_report_entry FOREIGN KEY(kind, id, rev) REFERENCES audit_effect (kind, id, rev) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT uq_premises_report_trade_id UNIQUE (trade_id), 
	CONSTRAINT fk_premises_report_trade_id FOREIGN KEY(trade_id) REFERENCES trade (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_premises_report_acknowledged_by FOREIGN KEY(acknowledged_by) REFERENCES account (id) DEFERRABLE INITIALLY DEFERRED
);

CREATE TABLE reporting_line (
	unit_id UUID NOT NULL, 
	parent_id UUID, 
	functional_head_id UUID NOT NULL, 
	disciplinary_head_id UUID NOT NULL, 
	board_member_id UUID NOT NULL, 
	valid_from DATE NOT NULL, 
	proposal_id UUID, 
	id UUID NOT NULL, 
	rev INTEGER NOT NULL, 
	kind TEXT GENERATED ALWAYS AS ('reporting_line') STORED NOT NULL, 
	CONSTRAINT pk_reporting_line PRIMARY KEY (id), 
	CONSTRAINT ck_reporting_line_parent_is_another CHECK (parent_id <> unit_id), 
	CONSTRAINT fk_reporting_line_entry FOREIGN KEY(kind, id, rev) REFERENCES audit_effect (kind, id, rev) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_reporting_line_unit_id FOREIGN KEY(unit_id) REFERENCES unit (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_reporting_line_parent_id FOREIGN KEY(parent_id) REFERENCES unit (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_reporting_line_functional_head_id FOREIGN KEY(functional_head_id) REFERENCES person (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_reporting_line_disciplinary_head_id FOREIGN KEY(disciplinary_head_id) REFERENCES person (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_reporting_line_board_member_id FOREIGN KEY(board_member_id) REFERENCES person (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_reporting_line_proposal_id FOREIGN KEY(proposal_id) REFERENCES organisation_proposal (id) DEFERRABLE INITIALLY DEFERRED
);

CREATE INDEX ix_reporting_line_unit_id_valid_from ON reporting_line (unit_id, valid_from);

CREATE TABLE settlement (
	trade_id UUID NOT NULL, 
	version INTEGER NOT NULL, 
	leg TEXT NOT NULL, 
	currency TEXT NOT NULL, 
	amount NUMERIC NOT NULL, 
	value_date DATE NOT NULL, 
	pay_on DATE NOT NULL, 
	state TEXT NOT NULL, 
	paid NUMERIC NOT NULL, 
	instruction_id UUID, 
	selection JSONB, 
	deviation JSONB, 
	prepared_by UUID, 
	signed_by UUID, 
	released_by UUID, 
	settled_on DATE, 
	net_id UUID, 
	hold_reason TEXT, 
	failure TEXT, 
	failure_code TEXT, 
	id UUID NOT NULL, 
	rev INTEGER NOT NULL, 
	kind TEXT GENERATED ALWAYS AS ('settlement') STORED NOT NULL, 
	CONSTRAINT pk_settlement PRIMARY KEY (id), 
	CONSTRAINT uq_settlement_trade_id_version_leg UNIQUE (trade_id, version, leg), 
	CONSTRAINT ck_settlement_paid_within_amount CHECK (paid >= 0 AND paid <= abs(amount)), 
	CONSTRAINT ck_settlement_never_early CHECK (pay_on >= value_date), 
	CONSTRAINT fk_settlement_entry FOREIGN KEY(kind, id, rev) REFERENCES audit_effect (kind, id, rev) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_settlement_trade_id FOREIGN KEY(trade_id) REFERENCES trade (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_settlement_instruction_id FOREIGN KEY(instruction_id) REFERENCES instruction (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_settlement_prepared_by FOREIGN KEY(prepared_by) REFERENCES account (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_settlement_signed_by FOREIGN KEY(signed_by) REFERENCES account (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_settlement_released_by FOREIGN KEY(released_by) REFERENCES account (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_settlement_net_id FOREIGN KEY(net_id) REFERENCES net (id) DEFERRABLE INITIALLY DEFERRED
);

CREATE INDEX ix_settlement_net_id ON settlement (net_id);

CREATE INDEX ix_settlement_state_value_date ON settlement (state, value_date);

CREATE TABLE trade_version (
	trade_id UUID NOT NULL, 
	version INTEGER NOT NULL, 
	type TEXT NOT NULL, 
	side TEXT, 
	base TEXT, 
	quote TEXT, 
	base_amount NUMERIC, 
	quote_amount NUMERIC, 
	rate NUMERIC, 
	spot_rate NUMERIC, 
	forward_points NUMERIC, 
	currency TEXT, 
	principal NUMERIC, 
	rate_percent NUMERIC, 
	day_count TEXT, 
	interest NUMERIC, 
	trade_date DATE NOT NULL, 
	value_date DATE NOT NULL, 
	end_date DATE, 
	counterparty_id UUID NOT NULL, 
	broker_id UUID, 
	side_agreements TEXT NOT NULL, 
	executed_at TIMESTAMP WITH TIME ZONE NOT NULL, 
	location TEXT NOT NULL, 
	entered_by UUID NOT NULL, 
	entered_at TIMESTAMP WITH TIME ZONE NOT NULL, 
	entry_id UUID NOT NULL, 
	CONSTRAINT pk_trade_version PRIMARY KEY (trade_id, version), 
	CONSTRAINT ck_trade_version_type_known CHECK (type IN ('fx_spot', 'fx_forward') OR type IN ('mm_deposit', 'mm_loan')), 
	CONSTRAINT ck_trade_version_fx_whole CHECK ((type IN ('fx_spot', 'fx_forward')) = ((side IN ('buy', 'sell') AND base IS NOT NULL AND quote IS NOT NULL AND base <> quote AND base_amount > 0 AND quote_amount > 0 AND rate > 0) IS TRUE)), 
	CONSTRAINT ck_trade_version_forward_whole CHECK ((type = 'fx_forward') = ((spot_rate > 0 AND rate = spot_rate + forward_points) IS TRUE)), 
	CONSTRAINT ck_trade_version_money_market_whole CHECK ((type IN ('mm_deposit', 'mm_loan')) = ((currency IS NOT NULL AND principal > 0 AND rate_percent IS NOT NULL AND day_count IS NOT NULL AND end_date > value_date AND interest IS NOT NULL) IS TRUE)), 
	CONSTRAINT fk_trade_version_entry FOREIGN KEY(entry_id) REFERENCES audit_entry (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_trade_version_trade_id FOREIGN KEY(trade_id) REFERENCES trade (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_trade_version_counterparty_id FOREIGN KEY(counterparty_id) REFERENCES counterparty (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_trade_version_broker_id FOREIGN KEY(broker_id) REFERENCES counterparty (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_trade_version_entered_by FOREIGN KEY(entered_by) REFERENCES account (id) DEFERRABLE INITIALLY DEFERRED
);

CREATE INDEX ix_trade_version_counterparty_id ON trade_version (counterparty_id);

CREATE INDEX ix_trade_version_elsewhere ON trade_version (trade_id) WHERE location <> 'premises';

CREATE INDEX ix_trade_version_trade_date ON trade_version (trade_date);

CREATE INDEX ix_trade_version_value_date ON trade_version (value_date);

CREATE TABLE transfer_review (
	transfer_id UUID NOT NULL, 
	office TEXT NOT NULL, 
	verdict TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	reviewed_by UUID NOT NULL, 
	id UUID NOT NULL, 
	rev INTEGER NOT NULL, 
	kind TEXT GENERATED ALWAYS AS ('transfer_review') STORED NOT NULL, 
	CONSTRAINT pk_transfer_review PRIMARY KEY (id), 
	CONSTRAINT uq_transfer_review_transfer_id_office UNIQUE (transfer_id, office), 
	CONSTRAINT fk_transfer_review_entry FOREIGN KEY(kind, id, rev) REFERENCES audit_effect (kind, id, rev) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_transfer_review_transfer_id FOREIGN KEY(transfer_id) REFERENCES transfer (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_transfer_review_reviewed_by FOREIGN KEY(reviewed_by) REFERENCES account (id) DEFERRABLE INITIALLY DEFERRED
);

CREATE TABLE transfer_signature (
	transfer_id UUID NOT NULL, 
	account_id UUID NOT NULL, 
	person_id UUID NOT NULL, 
	signed_at TIMESTAMP WITH TIME ZONE NOT NULL, 
	id UUID NOT NULL, 
	rev INTEGER NOT NULL, 
	kind TEXT GENERATED ALWAYS AS ('transfer_signature') STORED NOT NULL, 
	CONSTRAINT pk_transfer_signature PRIMARY KEY (id), 
	CONSTRAINT uq_transfer_signature_transfer_id_person_id UNIQUE (transfer_id, person_id), 
	CONSTRAINT fk_transfer_signature_entry FOREIGN KEY(kind, id, rev) REFERENCES audit_effect (kind, id, rev) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_transfer_signature_transfer_id FOREIGN KEY(transfer_id) REFERENCES transfer (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_transfer_signature_account_id FOREIGN KEY(account_id) REFERENCES account (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_transfer_signature_person_id FOREIGN KEY(person_id) REFERENCES person (id) DEFERRABLE INITIALLY DEFERRED
);

CREATE TABLE broker_statement (
	confirmation_id UUID NOT NULL, 
	trade_id UUID NOT NULL, 
	broker_id UUID NOT NULL, 
	document_id UUID NOT NULL, 
	fields JSONB NOT NULL, 
	breaks JSONB NOT NULL, 
	received_on DATE NOT NULL, 
	recorded_by UUID NOT NULL, 
	id UUID NOT NULL, 
	rev INTEGER NOT NULL, 
	kind TEXT GENERATED ALWAYS AS ('broker_statement') STORED NOT NULL, 
	CONSTRAINT pk_broker_statement PRIMARY KEY (id), 
	CONSTRAINT fk_broker_statement_entry FOREIGN KEY(kind, id, rev) REFERENCES audit_effect (kind, id, rev) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_broker_statement_confirmation_id FOREIGN KEY(confirmation_id) REFERENCES confirmation (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_broker_statement_trade_id FOREIGN KEY(trade_id) REFERENCES trade (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_broker_statement_broker_id FOREIGN KEY(broker_id) REFERENCES counterparty (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_broker_statement_document_id FOREIGN KEY(document_id) REFERENCES document (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_broker_statement_recorded_by FOREIGN KEY(recorded_by) REFERENCES account (id) DEFERRABLE INITIALLY DEFERRED
);

CREATE INDEX ix_broker_statement_confirmation_id ON broker_statement (confirmation_id);

CREATE INDEX ix_broker_statement_trade_id ON broker_statement (trade_id);

CREATE TABLE case_note (
	case_id UUID NOT NULL, 
	note_kind TEXT NOT NULL, 
	note TEXT NOT NULL, 
	entry_id UUID, 
	document_id UUID, 
	noted_by UUID NOT NULL, 
	noted_at TIMESTAMP WITH TIME ZONE NOT NULL, 
	id UUID NOT NULL, 
	rev INTEGER NOT NULL, 
	kind TEXT GENERATED ALWAYS AS ('case_note') STORED NOT NULL, 
	CONSTRAINT pk_case_note PRIMARY KEY (id), 
	CONSTRAINT ck_case_note_kind_known CHECK (note_kind IN ('note', 'claim', 'evidence')), 
	CONSTRAINT ck_case_note_evidence_is_somewhere CHECK (num_nonnulls(entry_id, document_id) = CASE note_kind WHEN 'evidence' THEN 1 ELSE 0 END), 
	CONSTRAINT fk_case_note_entry FOREIGN KEY(kind, id, rev) REFERENCES audit_effect (kind, id, rev) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_case_note_case_id FOREIGN KEY(case_id) REFERENCES case_file (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_case_note_noted_by FOREIGN KEY(noted_by) REFERENCES account (id) DEFERRABLE INITIALLY DEFERRED
);

CREATE INDEX ix_case_note_case_id ON case_note (case_id);

CREATE TABLE case_receipt (
	case_id UUID NOT NULL, 
	received_by UUID NOT NULL, 
	received_at TIMESTAMP WITH TIME ZONE NOT NULL, 
	id UUID NOT NULL, 
	rev INTEGER NOT NULL, 
	kind TEXT GENERATED ALWAYS AS ('case_receipt') STORED NOT NULL, 
	CONSTRAINT pk_case_receipt PRIMARY KEY (id), 
	CONSTRAINT fk_case_receipt_entry FOREIGN KEY(kind, id, rev) REFERENCES audit_effect (kind, id, rev) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT uq_case_receipt_case_id UNIQUE (case_id), 
	CONSTRAINT fk_case_receipt_case_id FOREIGN KEY(case_id) REFERENCES case_file (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_case_receipt_received_by FOREIGN KEY(received_by) REFERENCES account (id) DEFERRABLE INITIALLY DEFERRED
);

CREATE TABLE document_checklist (
	confirmation_id UUID NOT NULL, 
	trade_id UUID NOT NULL, 
	version INTEGER NOT NULL, 
	by_hand BOOLEAN NOT NULL, 
	state TEXT NOT NULL, 
	papers JSONB NOT NULL, 
	code TEXT, 
	reason TEXT, 
	signed_by UUID, 
	signed_at TIMESTAMP WITH TIME ZONE, 
	id UUID NOT NULL, 
	rev INTEGER NOT NULL, 
	kind TEXT GENERATED ALWAYS AS ('document_checklist') STORED NOT NULL, 
	CONSTRAINT pk_document_checklist PRIMARY KEY (id), 
	CONSTRAINT ck_document_checklist_signed_by_somebody CHECK ((state = 'signed') = (signed_by IS NOT NULL)), 
	CONSTRAINT ck_document_checklist_signed_with_code CHECK ((signed_by IS NULL) = (code IS NULL)), 
	CONSTRAINT fk_document_checklist_entry FOREIGN KEY(kind, id, rev) REFERENCES audit_effect (kind, id, rev) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT uq_document_checklist_confirmation_id UNIQUE (confirmation_id), 
	CONSTRAINT fk_document_checklist_confirmation_id FOREIGN KEY(confirmation_id) REFERENCES confirmation (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_document_checklist_trade_id FOREIGN KEY(trade_id) REFERENCES trade (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_document_checklist_signed_by FOREIGN KEY(signed_by) REFERENCES account (id) DEFERRABLE INITIALLY DEFERRED
);

CREATE INDEX ix_document_checklist_trade_id ON document_checklist (trade_id);

CREATE TABLE inbound_message (
	source TEXT NOT NULL, 
	sender TEXT NOT NULL, 
	document_id UUID NOT NULL, 
	sha256 TEXT NOT NULL, 
	name TEXT NOT NULL, 
	format TEXT, 
	fields JSONB, 
	their_reference TEXT, 
	our_reference TEXT, 
	counterparty_id UUID, 
	received_at TIMESTAMP WITH TIME ZONE NOT NULL, 
	state TEXT NOT NULL, 
	finding TEXT, 
	field TEXT, 
	reason TEXT, 
	confirmation_id UUID, 
	id UUID NOT NULL, 
	rev INTEGER NOT NULL, 
	kind TEXT GENERATED ALWAYS AS ('inbound_message') STORED NOT NULL, 
	CONSTRAINT pk_inbound_message PRIMARY KEY (id), 
	CONSTRAINT uq_inbound_message_source_sender_name_sha256 UNIQUE (source, sender, name, sha256), 
	CONSTRAINT ck_inbound_message_source_known CHECK (source IN ('inbox', 'upload', 'trading')), 
	CONSTRAINT fk_inbound_message_entry FOREIGN KEY(kind, id, rev) REFERENCES audit_effect (kind, id, rev) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_inbound_message_document_id FOREIGN KEY(document_id) REFERENCES document (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_inbound_message_counterparty_id FOREIGN KEY(counterparty_id) REFERENCES counterparty (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_inbound_message_confirmation_id FOREIGN KEY(confirmation_id) REFERENCES confirmation (id) DEFERRABLE INITIALLY DEFERRED
);

CREATE INDEX ix_inbound_message_counterparty_id_their_reference ON inbound_message (counterparty_id, their_reference);

CREATE INDEX ix_inbound_message_state ON inbound_message (state);

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

CREATE INDEX ix_journal_line_clearing ON journal_line (journal_id) WHERE account IN ('1900', '2900');

CREATE TABLE justification (
	trade_id UUID NOT NULL, 
	version INTEGER NOT NULL, 
	check_id UUID NOT NULL, 
	ground TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	document_sha256 TEXT, 
	justified_by UUID NOT NULL, 
	justified_at TIMESTAMP WITH TIME ZONE NOT NULL, 
	id UUID NOT NULL, 
	rev INTEGER NOT NULL, 
	kind TEXT GENERATED ALWAYS AS ('justification') STORED NOT NULL, 
	CONSTRAINT pk_justification PRIMARY KEY (id), 
	CONSTRAINT fk_justification_entry FOREIGN KEY(kind, id, rev) REFERENCES audit_effect (kind, id, rev) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_justification_trade_id FOREIGN KEY(trade_id) REFERENCES trade (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT uq_justification_check_id UNIQUE (check_id), 
	CONSTRAINT fk_justification_check_id FOREIGN KEY(check_id) REFERENCES market_check (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_justification_justified_by FOREIGN KEY(justified_by) REFERENCES account (id) DEFERRABLE INITIALLY DEFERRED
);

CREATE INDEX ix_justification_trade_id ON justification (trade_id);

CREATE TABLE long_form (
	confirmation_id UUID NOT NULL, 
	trade_id UUID NOT NULL, 
	due_on DATE NOT NULL, 
	state TEXT NOT NULL, 
	document_id UUID, 
	filed_on DATE, 
	filed_by UUID, 
	id UUID NOT NULL, 
	rev INTEGER NOT NULL, 
	kind TEXT GENERATED ALWAYS AS ('long_form') STORED NOT NULL, 
	CONSTRAINT pk_long_form PRIMARY KEY (id), 
	CONSTRAINT ck_long_form_filed_with_document CHECK ((state = 'filed') = (document_id IS NOT NULL)), 
	CONSTRAINT fk_long_form_entry FOREIGN KEY(kind, id, rev) REFERENCES audit_effect (kind, id, rev) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT uq_long_form_confirmation_id UNIQUE (confirmation_id), 
	CONSTRAINT fk_long_form_confirmation_id FOREIGN KEY(confirmation_id) REFERENCES confirmation (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_long_form_trade_id FOREIGN KEY(trade_id) REFERENCES trade (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_long_form_document_id FOREIGN KEY(document_id) REFERENCES document (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_long_form_filed_by FOREIGN KEY(filed_by) REFERENCES account (id) DEFERRABLE INITIALLY DEFERRED
);

CREATE INDEX ix_long_form_trade_id ON long_form (trade_id);

CREATE TABLE payment (
	settlement_id UUID, 
	net_id UUID, 
	trade_id UUID NOT NULL, 
	number INTEGER NOT NULL, 
	reference TEXT NOT NULL, 
	end_to_end_id TEXT NOT NULL, 
	uetr UUID NOT NULL, 
	currency TEXT NOT NULL, 
	amount NUMERIC NOT NULL, 
	settle_on DATE NOT NULL, 
	message_key TEXT NOT NULL, 
	made_at TIMESTAMP WITH TIME ZONE NOT NULL, 
	state TEXT NOT NULL, 
	bank TEXT, 
	account TEXT, 
	document_id UUID, 
	sha256 TEXT, 
	schema TEXT, 
	finding TEXT, 
	field TEXT, 
	reason TEXT, 
	tries INTEGER NOT NULL, 
	proof JSONB, 
	delivered_at TIMESTAMP WITH TIME ZONE, 
	delivered_on DATE, 
	id UUID NOT NULL, 
	rev INTEGER NOT NULL, 
	kind TEXT GENERATED ALWAYS AS ('payment') STORED NOT NULL, 
	CONSTRAINT pk_payment PRIMARY KEY (id), 
	CONSTRAINT uq_payment_settlement_id_number UNIQUE (settlement_id, number), 
	CONSTRAINT uq_payment_net_id UNIQUE (net_id), 
	CONSTRAINT ck_payment_of_a_leg_or_a_net CHECK (num_nonnulls(settlement_id, net_id) = 1), 
	CONSTRAINT ck_payment_amount_positive CHECK (amount > 0), 
	CONSTRAINT ck_payment_state_known CHECK (state IN ('blocked', 'queued', 'under_way', 'delivered', 'failed', 'dropped')), 
	CONSTRAINT ck_payment_delivered_with_proof CHECK ((state = 'delivered') = (proof IS NOT NULL)), 
	CONSTRAINT ck_payment_sent_as_filed CHECK (state IN ('blocked', 'dropped') OR document_id IS NOT NULL), 
	CONSTRAINT fk_payment_entry FOREIGN KEY(kind, id, rev) REFERENCES audit_effect (kind, id, rev) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_payment_settlement_id FOREIGN KEY(settlement_id) REFERENCES settlement (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_payment_net_id FOREIGN KEY(net_id) REFERENCES net (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_payment_trade_id FOREIGN KEY(trade_id) REFERENCES trade (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT uq_payment_reference UNIQUE (reference), 
	CONSTRAINT uq_payment_end_to_end_id UNIQUE (end_to_end_id), 
	CONSTRAINT uq_payment_uetr UNIQUE (uetr), 
	CONSTRAINT uq_payment_message_key UNIQUE (message_key), 
	CONSTRAINT fk_payment_document_id FOREIGN KEY(document_id) REFERENCES document (id) DEFERRABLE INITIALLY DEFERRED
);

CREATE INDEX ix_payment_state ON payment (state);

CREATE INDEX ix_payment_trade_id ON payment (trade_id);

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

CREATE TABLE substitute_verification (
	confirmation_id UUID NOT NULL, 
	trade_id UUID NOT NULL, 
	way TEXT NOT NULL, 
	contact TEXT NOT NULL, 
	contact_source_id UUID, 
	said TEXT NOT NULL, 
	proposed_by UUID NOT NULL, 
	proposed_at TIMESTAMP WITH TIME ZONE NOT NULL, 
	state TEXT NOT NULL, 
	reason TEXT, 
	id UUID NOT NULL, 
	rev INTEGER NOT NULL, 
	kind TEXT GENERATED ALWAYS AS ('substitute_verification') STORED NOT NULL, 
	CONSTRAINT pk_substitute_verification PRIMARY KEY (id), 
	CONSTRAINT ck_substitute_verification_way_known CHECK (way IN ('call_back', 'custodian_statement', 'trade_repository', 'cash_receipt')), 
	CONSTRAINT ck_substitute_verification_contact_has_source CHECK ((way = 'call_back') = (contact_source_id IS NOT NULL)), 
	CONSTRAINT fk_substitute_verification_entry FOREIGN KEY(kind, id, rev) REFERENCES audit_effect (kind, id, rev) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_substitute_verification_confirmation_id FOREIGN KEY(confirmation_id) REFERENCES confirmation (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_substitute_verification_trade_id FOREIGN KEY(trade_id) REFERENCES trade (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_substitute_verification_contact_source_id FOREIGN KEY(contact_source_id) REFERENCES confirmation_channel (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_substitute_verification_proposed_by FOREIGN KEY(proposed_by) REFERENCES account (id) DEFERRABLE INITIALLY DEFERRED
);

CREATE INDEX ix_substitute_verification_confirmation_id ON substitute_verification (confirmation_id);

CREATE TABLE transmission (
	confirmation_id UUID NOT NULL, 
	trade_id UUID NOT NULL, 
	purpose TEXT NOT NULL, 
	step INTEGER NOT NULL, 
	format TEXT NOT NULL, 
	document_id UUID NOT NULL, 
	sha256 TEXT NOT NULL, 
	message_key TEXT NOT NULL, 
	channel_id UUID NOT NULL, 
	state TEXT NOT NULL, 
	tries INTEGER NOT NULL, 
	failure TEXT, 
	proof JSONB, 
	delivered_at TIMESTAMP WITH TIME ZONE, 
	delivered_on DATE, 
	id UUID NOT NULL, 
	rev INTEGER NOT NULL, 
	kind TEXT GENERATED ALWAYS AS ('transmission') STORED NOT NULL, 
	CONSTRAINT pk_transmission PRIMARY KEY (id), 
	CONSTRAINT uq_transmission_confirmation_id_purpose_step UNIQUE (confirmation_id, purpose, step), 
	CONSTRAINT ck_transmission_purpose_known CHECK (purpose IN ('cancellation', 'confirmation', 'chaser')), 
	CONSTRAINT ck_transmission_delivered_with_proof CHECK ((state = 'delivered') = (proof IS NOT NULL)), 
	CONSTRAINT fk_transmission_entry FOREIGN KEY(kind, id, rev) REFERENCES audit_effect (kind, id, rev) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_transmission_confirmation_id FOREIGN KEY(confirmation_id) REFERENCES confirmation (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_transmission_trade_id FOREIGN KEY(trade_id) REFERENCES trade (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_transmission_document_id FOREIGN KEY(document_id) REFERENCES document (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT uq_transmission_message_key UNIQUE (message_key), 
	CONSTRAINT fk_transmission_channel_id FOREIGN KEY(channel_id) REFERENCES confirmation_channel (id) DEFERRABLE INITIALLY DEFERRED
);

CREATE INDEX ix_transmission_state ON transmission (state);

CREATE INDEX ix_transmission_trade_id ON transmission (trade_id);

CREATE TABLE payment_status (
	source TEXT NOT NULL, 
	sender TEXT NOT NULL, 
	name TEXT NOT NULL, 
	sha256 TEXT NOT NULL, 
	position INTEGER NOT NULL, 
	document_id UUID NOT NULL, 
	received_at TIMESTAMP WITH TIME ZONE NOT NULL, 
	format TEXT, 
	their_message TEXT, 
	code TEXT, 
	reasons JSONB NOT NULL, 
	additional TEXT, 
	message_id TEXT, 
	instruction_id TEXT, 
	end_to_end_id TEXT, 
	uetr TEXT, 
	account TEXT, 
	servicer_reference TEXT, 
	currency TEXT, 
	amount NUMERIC, 
	credit BOOLEAN, 
	reversal BOOLEAN, 
	value_on DATE, 
	state TEXT NOT NULL, 
	finding TEXT, 
	field TEXT, 
	reason TEXT, 
	effect TEXT, 
	payment_id UUID, 
	settlement_id UUID, 
	trade_id UUID, 
	closed_because TEXT, 
	id UUID NOT NULL, 
	rev INTEGER NOT NULL, 
	kind TEXT GENERATED ALWAYS AS ('payment_status') STORED NOT NULL, 
	CONSTRAINT pk_payment_status PRIMARY KEY (id), 
	CONSTRAINT uq_payment_status_source_sender_name_sha256_position UNIQUE (source, sender, name, sha256, position), 
	CONSTRAINT ck_payment_status_source_known CHECK (source IN ('inbox', 'upload', 'trading')), 
	CONSTRAINT ck_payment_status_state_known CHECK (state IN ('received', 'noted', 'applied', 'waiting', 'closed')), 
	CONSTRAINT ck_payment_status_only_the_inbox_moves_money CHECK (source = 'inbox' OR state IN ('waiting', 'closed')), 
	CONSTRAINT ck_payment_status_applied_with_effect CHECK ((state IN ('applied', 'noted')) = (effect IS NOT NULL)), 
	CONSTRAINT ck_payment_status_amount_not_negative CHECK (amount >= 0), 
	CONSTRAINT fk_payment_status_entry FOREIGN KEY(kind, id, rev) REFERENCES audit_effect (kind, id, rev) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_payment_status_document_id FOREIGN KEY(document_id) REFERENCES document (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_payment_status_payment_id FOREIGN KEY(payment_id) REFERENCES payment (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_payment_status_settlement_id FOREIGN KEY(settlement_id) REFERENCES settlement (id) DEFERRABLE INITIALLY DEFERRED, 
	CONSTRAINT fk_payment_status_trade_id FOREIGN KEY(trade_id) REFERENCES trade (id) DEFERRABLE INITIALLY DEFERRED
);

CREATE UNIQUE INDEX ix_payment_status_counted_once ON payment_status (settlement_id, sender, servicer_reference, credit) WHERE state = 'applied' AND servicer_reference IS NOT NULL;

CREATE INDEX ix_payment_status_settlement_id ON payment_status (settlement_id);

CREATE INDEX ix_payment_status_state ON payment_status (state);

ALTER TABLE trade ADD CONSTRAINT fk_trade_number FOREIGN KEY(portfolio_id, number, id) REFERENCES deal_number (book_id, number, trade_id) DEFERRABLE INITIALLY DEFERRED;

