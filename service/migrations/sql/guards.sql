CREATE TRIGGER absence_revision BEFORE INSERT OR UPDATE OR DELETE ON public.absence FOR EACH ROW EXECUTE FUNCTION public.guard_recorded();

CREATE TRIGGER absence_frozen BEFORE UPDATE ON public.absence FOR EACH ROW WHEN (NEW.person_id IS DISTINCT FROM OLD.person_id OR NEW.substitute_id IS DISTINCT FROM OLD.substitute_id OR NEW.first_day IS DISTINCT FROM OLD.first_day OR NEW.last_day IS DISTINCT FROM OLD.last_day OR NEW.planned_by IS DISTINCT FROM OLD.planned_by OR NEW.reason IS DISTINCT FROM OLD.reason) EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER absence_no_truncate BEFORE TRUNCATE ON public.absence FOR EACH STATEMENT EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER absence_review_revision BEFORE INSERT OR UPDATE OR DELETE ON public.absence_review FOR EACH ROW EXECUTE FUNCTION public.guard_recorded();

CREATE TRIGGER absence_review_frozen BEFORE UPDATE ON public.absence_review FOR EACH ROW WHEN (NEW.absence_id IS DISTINCT FROM OLD.absence_id OR NEW.office IS DISTINCT FROM OLD.office OR NEW.finding IS DISTINCT FROM OLD.finding OR NEW.reviewed_by IS DISTINCT FROM OLD.reviewed_by) EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER absence_review_no_truncate BEFORE TRUNCATE ON public.absence_review FOR EACH STATEMENT EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER account_revision BEFORE INSERT OR UPDATE OR DELETE ON public.account FOR EACH ROW EXECUTE FUNCTION public.guard_recorded();

CREATE TRIGGER account_frozen BEFORE UPDATE ON public.account FOR EACH ROW WHEN (NEW.name IS DISTINCT FROM OLD.name OR NEW.person_id IS DISTINCT FROM OLD.person_id OR NEW.office IS DISTINCT FROM OLD.office OR NEW.service IS DISTINCT FROM OLD.service) EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER account_no_truncate BEFORE TRUNCATE ON public.account FOR EACH STATEMENT EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER agreement_revision BEFORE INSERT OR UPDATE OR DELETE ON public.agreement FOR EACH ROW EXECUTE FUNCTION public.guard_recorded();

CREATE TRIGGER agreement_frozen BEFORE UPDATE ON public.agreement FOR EACH ROW WHEN (NEW.counterparty_id IS DISTINCT FROM OLD.counterparty_id OR NEW.form IS DISTINCT FROM OLD.form OR NEW.name IS DISTINCT FROM OLD.name OR NEW.valid_from IS DISTINCT FROM OLD.valid_from OR NEW.valid_to IS DISTINCT FROM OLD.valid_to OR NEW.proposed_by IS DISTINCT FROM OLD.proposed_by) EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER agreement_no_truncate BEFORE TRUNCATE ON public.agreement FOR EACH STATEMENT EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER alert_review_revision BEFORE INSERT OR UPDATE OR DELETE ON public.alert_review FOR EACH ROW EXECUTE FUNCTION public.guard_recorded();

CREATE TRIGGER alert_review_frozen BEFORE UPDATE ON public.alert_review FOR EACH ROW WHEN (NEW.item_id IS DISTINCT FROM OLD.item_id OR NEW.office IS DISTINCT FROM OLD.office OR NEW.alert IS DISTINCT FROM OLD.alert OR NEW.finding IS DISTINCT FROM OLD.finding OR NEW.reviewed_by IS DISTINCT FROM OLD.reviewed_by OR NEW.reviewed_at IS DISTINCT FROM OLD.reviewed_at) EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER alert_review_no_truncate BEFORE TRUNCATE ON public.alert_review FOR EACH STATEMENT EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER alleged_answer_revision BEFORE INSERT OR UPDATE OR DELETE ON public.alleged_answer FOR EACH ROW EXECUTE FUNCTION public.guard_recorded();

CREATE TRIGGER alleged_answer_frozen BEFORE UPDATE ON public.alleged_answer FOR EACH ROW WHEN (NEW.alleged_id IS DISTINCT FROM OLD.alleged_id OR NEW.known IS DISTINCT FROM OLD.known OR NEW.said IS DISTINCT FROM OLD.said OR NEW.answered_by IS DISTINCT FROM OLD.answered_by OR NEW.answered_at IS DISTINCT FROM OLD.answered_at) EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER alleged_answer_no_truncate BEFORE TRUNCATE ON public.alleged_answer FOR EACH STATEMENT EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER alleged_deal_revision BEFORE INSERT OR UPDATE OR DELETE ON public.alleged_deal FOR EACH ROW EXECUTE FUNCTION public.guard_recorded();

CREATE TRIGGER alleged_deal_frozen BEFORE UPDATE ON public.alleged_deal FOR EACH ROW WHEN (NEW.inbound_id IS DISTINCT FROM OLD.inbound_id OR NEW.counterparty_id IS DISTINCT FROM OLD.counterparty_id OR NEW.fields IS DISTINCT FROM OLD.fields OR NEW.shared_at IS DISTINCT FROM OLD.shared_at) EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER alleged_deal_no_truncate BEFORE TRUNCATE ON public.alleged_deal FOR EACH STATEMENT EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER audit_effect_append_only BEFORE UPDATE OR DELETE ON public.audit_effect FOR EACH ROW EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER audit_effect_no_truncate BEFORE TRUNCATE ON public.audit_effect FOR EACH STATEMENT EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER audit_entry_append_only BEFORE UPDATE OR DELETE ON public.audit_entry FOR EACH ROW EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER audit_entry_no_truncate BEFORE TRUNCATE ON public.audit_entry FOR EACH STATEMENT EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER audit_index_append_only BEFORE UPDATE OR DELETE ON public.audit_index FOR EACH ROW EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER audit_index_no_truncate BEFORE TRUNCATE ON public.audit_index FOR EACH STATEMENT EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER benchmark_revision BEFORE INSERT OR UPDATE OR DELETE ON public.benchmark FOR EACH ROW EXECUTE FUNCTION public.guard_recorded();

CREATE TRIGGER benchmark_frozen BEFORE UPDATE ON public.benchmark FOR EACH ROW WHEN (NEW.benchmark IS DISTINCT FROM OLD.benchmark OR NEW.product IS DISTINCT FROM OLD.product OR NEW.tolerance_bp IS DISTINCT FROM OLD.tolerance_bp OR NEW.currency IS DISTINCT FROM OLD.currency OR NEW.day IS DISTINCT FROM OLD.day OR NEW.rate_percent IS DISTINCT FROM OLD.rate_percent OR NEW.source IS DISTINCT FROM OLD.source OR NEW.proposed_by IS DISTINCT FROM OLD.proposed_by) EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER benchmark_no_truncate BEFORE TRUNCATE ON public.benchmark FOR EACH STATEMENT EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER broker_statement_revision BEFORE INSERT OR UPDATE OR DELETE ON public.broker_statement FOR EACH ROW EXECUTE FUNCTION public.guard_recorded();

CREATE TRIGGER broker_statement_frozen BEFORE UPDATE ON public.broker_statement FOR EACH ROW WHEN (NEW.confirmation_id IS DISTINCT FROM OLD.confirmation_id OR NEW.trade_id IS DISTINCT FROM OLD.trade_id OR NEW.broker_id IS DISTINCT FROM OLD.broker_id OR NEW.document_id IS DISTINCT FROM OLD.document_id OR NEW.fields IS DISTINCT FROM OLD.fields OR NEW.breaks IS DISTINCT FROM OLD.breaks OR NEW.received_on IS DISTINCT FROM OLD.received_on OR NEW.recorded_by IS DISTINCT FROM OLD.recorded_by) EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER broker_statement_no_truncate BEFORE TRUNCATE ON public.broker_statement FOR EACH STATEMENT EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER call_back_revision BEFORE INSERT OR UPDATE OR DELETE ON public.call_back FOR EACH ROW EXECUTE FUNCTION public.guard_recorded();

CREATE TRIGGER call_back_frozen BEFORE UPDATE ON public.call_back FOR EACH ROW WHEN (NEW.subject_kind IS DISTINCT FROM OLD.subject_kind OR NEW.subject_id IS DISTINCT FROM OLD.subject_id OR NEW.counterparty_id IS DISTINCT FROM OLD.counterparty_id OR NEW.number IS DISTINCT FROM OLD.number OR NEW.spoke_to IS DISTINCT FROM OLD.spoke_to OR NEW.outcome IS DISTINCT FROM OLD.outcome OR NEW.note IS DISTINCT FROM OLD.note OR NEW.made_by IS DISTINCT FROM OLD.made_by OR NEW.made_at IS DISTINCT FROM OLD.made_at) EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER call_back_no_truncate BEFORE TRUNCATE ON public.call_back FOR EACH STATEMENT EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER case_file_revision BEFORE INSERT OR UPDATE OR DELETE ON public.case_file FOR EACH ROW EXECUTE FUNCTION public.guard_recorded();

CREATE TRIGGER case_file_frozen BEFORE UPDATE ON public.case_file FOR EACH ROW WHEN (NEW.office IS DISTINCT FROM OLD.office OR NEW.signs IS DISTINCT FROM OLD.signs OR NEW.title IS DISTINCT FROM OLD.title OR NEW.reason IS DISTINCT FROM OLD.reason OR NEW.suspicion IS DISTINCT FROM OLD.suspicion OR NEW.trade_id IS DISTINCT FROM OLD.trade_id OR NEW.person_id IS DISTINCT FROM OLD.person_id OR NEW.subject_kind IS DISTINCT FROM OLD.subject_kind OR NEW.subject_id IS DISTINCT FROM OLD.subject_id OR NEW.opened_by IS DISTINCT FROM OLD.opened_by OR NEW.opened_at IS DISTINCT FROM OLD.opened_at) EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER case_file_no_truncate BEFORE TRUNCATE ON public.case_file FOR EACH STATEMENT EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER case_note_revision BEFORE INSERT OR UPDATE OR DELETE ON public.case_note FOR EACH ROW EXECUTE FUNCTION public.guard_recorded();

CREATE TRIGGER case_note_frozen BEFORE UPDATE ON public.case_note FOR EACH ROW WHEN (NEW.case_id IS DISTINCT FROM OLD.case_id OR NEW.note_kind IS DISTINCT FROM OLD.note_kind OR NEW.note IS DISTINCT FROM OLD.note OR NEW.entry_id IS DISTINCT FROM OLD.entry_id OR NEW.document_id IS DISTINCT FROM OLD.document_id OR NEW.noted_by IS DISTINCT FROM OLD.noted_by OR NEW.noted_at IS DISTINCT FROM OLD.noted_at) EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER case_note_no_truncate BEFORE TRUNCATE ON public.case_note FOR EACH STATEMENT EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER case_receipt_revision BEFORE INSERT OR UPDATE OR DELETE ON public.case_receipt FOR EACH ROW EXECUTE FUNCTION public.guard_recorded();

CREATE TRIGGER case_receipt_frozen BEFORE UPDATE ON public.case_receipt FOR EACH ROW WHEN (NEW.case_id IS DISTINCT FROM OLD.case_id OR NEW.received_by IS DISTINCT FROM OLD.received_by OR NEW.received_at IS DISTINCT FROM OLD.received_at) EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER case_receipt_no_truncate BEFORE TRUNCATE ON public.case_receipt FOR EACH STATEMENT EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER change_request_revision BEFORE INSERT OR UPDATE OR DELETE ON public.change_request FOR EACH ROW EXECUTE FUNCTION public.guard_recorded();

CREATE TRIGGER change_request_no_truncate BEFORE TRUNCATE ON public.change_request FOR EACH STATEMENT EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER confirmation_revision BEFORE INSERT OR UPDATE OR DELETE ON public.confirmation FOR EACH ROW EXECUTE FUNCTION public.guard_recorded();

CREATE TRIGGER confirmation_frozen BEFORE UPDATE ON public.confirmation FOR EACH ROW WHEN (NEW.trade_id IS DISTINCT FROM OLD.trade_id OR NEW.version IS DISTINCT FROM OLD.version OR NEW.draft IS DISTINCT FROM OLD.draft OR NEW.ours IS DISTINCT FROM OLD.ours OR NEW.traded_on IS DISTINCT FROM OLD.traded_on OR NEW.currencies IS DISTINCT FROM OLD.currencies OR NEW.confirm_by IS DISTINCT FROM OLD.confirm_by) EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER confirmation_no_truncate BEFORE TRUNCATE ON public.confirmation FOR EACH STATEMENT EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER confirmation_channel_revision BEFORE INSERT OR UPDATE OR DELETE ON public.confirmation_channel FOR EACH ROW EXECUTE FUNCTION public.guard_recorded();

CREATE TRIGGER confirmation_channel_frozen BEFORE UPDATE ON public.confirmation_channel FOR EACH ROW WHEN (NEW.counterparty_id IS DISTINCT FROM OLD.counterparty_id OR NEW.format IS DISTINCT FROM OLD.format OR NEW.medium IS DISTINCT FROM OLD.medium OR NEW.address IS DISTINCT FROM OLD.address OR NEW.senders IS DISTINCT FROM OLD.senders OR NEW.language IS DISTINCT FROM OLD.language OR NEW.party_class IS DISTINCT FROM OLD.party_class OR NEW.call_back IS DISTINCT FROM OLD.call_back OR NEW.long_form IS DISTINCT FROM OLD.long_form OR NEW.deemed_days IS DISTINCT FROM OLD.deemed_days OR NEW.deemed_clause IS DISTINCT FROM OLD.deemed_clause OR NEW.agreement_id IS DISTINCT FROM OLD.agreement_id OR NEW.proposal_id IS DISTINCT FROM OLD.proposal_id) EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER confirmation_channel_no_truncate BEFORE TRUNCATE ON public.confirmation_channel FOR EACH STATEMENT EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER counterparty_revision BEFORE INSERT OR UPDATE OR DELETE ON public.counterparty FOR EACH ROW EXECUTE FUNCTION public.guard_recorded();

CREATE TRIGGER counterparty_frozen BEFORE UPDATE ON public.counterparty FOR EACH ROW WHEN (NEW.lei IS DISTINCT FROM OLD.lei OR NEW.own IS DISTINCT FROM OLD.own) EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER counterparty_no_truncate BEFORE TRUNCATE ON public.counterparty FOR EACH STATEMENT EXECUTE FUNCTION public.guard_append_only();

CREATE CONSTRAINT TRIGGER credential_came_with_entry AFTER INSERT OR UPDATE OF entry_id ON public.credential DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.guard_came_with_entry();

CREATE TRIGGER credential_frozen BEFORE UPDATE ON public.credential FOR EACH ROW WHEN (NEW.account_id IS DISTINCT FROM OLD.account_id) EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER credential_no_delete BEFORE DELETE ON public.credential FOR EACH ROW EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER credential_no_truncate BEFORE TRUNCATE ON public.credential FOR EACH STATEMENT EXECUTE FUNCTION public.guard_append_only();

CREATE CONSTRAINT TRIGGER deal_number_came_with_entry AFTER INSERT ON public.deal_number DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.guard_came_with_entry();

CREATE TRIGGER deal_number_append_only BEFORE UPDATE OR DELETE ON public.deal_number FOR EACH ROW EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER deal_number_no_truncate BEFORE TRUNCATE ON public.deal_number FOR EACH STATEMENT EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER delegation_revision BEFORE INSERT OR UPDATE OR DELETE ON public.delegation FOR EACH ROW EXECUTE FUNCTION public.guard_recorded();

CREATE TRIGGER delegation_frozen BEFORE UPDATE ON public.delegation FOR EACH ROW WHEN (NEW.account_id IS DISTINCT FROM OLD.account_id OR NEW.deputy_id IS DISTINCT FROM OLD.deputy_id OR NEW.roles IS DISTINCT FROM OLD.roles OR NEW.reason IS DISTINCT FROM OLD.reason OR NEW.valid_from IS DISTINCT FROM OLD.valid_from OR NEW.valid_to IS DISTINCT FROM OLD.valid_to OR NEW.requested_by IS DISTINCT FROM OLD.requested_by) EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER delegation_no_truncate BEFORE TRUNCATE ON public.delegation FOR EACH STATEMENT EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER desk_receipt_revision BEFORE INSERT OR UPDATE OR DELETE ON public.desk_receipt FOR EACH ROW EXECUTE FUNCTION public.guard_recorded();

CREATE TRIGGER desk_receipt_frozen BEFORE UPDATE ON public.desk_receipt FOR EACH ROW WHEN (NEW.report_id IS DISTINCT FROM OLD.report_id OR NEW.received_by IS DISTINCT FROM OLD.received_by OR NEW.received_at IS DISTINCT FROM OLD.received_at OR NEW.remark IS DISTINCT FROM OLD.remark) EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER desk_receipt_no_truncate BEFORE TRUNCATE ON public.desk_receipt FOR EACH STATEMENT EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER desk_report_revision BEFORE INSERT OR UPDATE OR DELETE ON public.desk_report FOR EACH ROW EXECUTE FUNCTION public.guard_recorded();

CREATE TRIGGER desk_report_frozen BEFORE UPDATE ON public.desk_report FOR EACH ROW WHEN (NEW.unit_id IS DISTINCT FROM OLD.unit_id OR NEW.day IS DISTINCT FROM OLD.day OR NEW.facts IS DISTINCT FROM OLD.facts OR NEW.issued_at IS DISTINCT FROM OLD.issued_at) EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER desk_report_no_truncate BEFORE TRUNCATE ON public.desk_report FOR EACH STATEMENT EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER desk_rule_revision BEFORE INSERT OR UPDATE OR DELETE ON public.desk_rule FOR EACH ROW EXECUTE FUNCTION public.guard_recorded();

CREATE TRIGGER desk_rule_frozen BEFORE UPDATE ON public.desk_rule FOR EACH ROW WHEN (NEW.rule IS DISTINCT FROM OLD.rule OR NEW.product IS DISTINCT FROM OLD.product OR NEW.desk_id IS DISTINCT FROM OLD.desk_id OR NEW.at IS DISTINCT FROM OLD.at OR NEW.person_id IS DISTINCT FROM OLD.person_id OR NEW.locations IS DISTINCT FROM OLD.locations OR NEW.max_eur IS DISTINCT FROM OLD.max_eur OR NEW.valid_from IS DISTINCT FROM OLD.valid_from OR NEW.valid_to IS DISTINCT FROM OLD.valid_to OR NEW.proposed_by IS DISTINCT FROM OLD.proposed_by) EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER desk_rule_no_truncate BEFORE TRUNCATE ON public.desk_rule FOR EACH STATEMENT EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER desk_time_revision BEFORE INSERT OR UPDATE OR DELETE ON public.desk_time FOR EACH ROW EXECUTE FUNCTION public.guard_recorded();

CREATE TRIGGER desk_time_no_truncate BEFORE TRUNCATE ON public.desk_time FOR EACH STATEMENT EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER document_revision BEFORE INSERT OR UPDATE OR DELETE ON public.document FOR EACH ROW EXECUTE FUNCTION public.guard_recorded();

CREATE TRIGGER document_frozen BEFORE UPDATE ON public.document FOR EACH ROW WHEN (NEW.sha256 IS DISTINCT FROM OLD.sha256 OR NEW.size IS DISTINCT FROM OLD.size OR NEW.media_type IS DISTINCT FROM OLD.media_type OR NEW.name IS DISTINCT FROM OLD.name OR NEW.document_kind IS DISTINCT FROM OLD.document_kind OR NEW.retention_class IS DISTINCT FROM OLD.retention_class OR NEW.origin IS DISTINCT FROM OLD.origin OR NEW.office IS DISTINCT FROM OLD.office OR NEW.subject_kind IS DISTINCT FROM OLD.subject_kind OR NEW.subject_id IS DISTINCT FROM OLD.subject_id OR NEW.trade_id IS DISTINCT FROM OLD.trade_id OR NEW.filed_by IS DISTINCT FROM OLD.filed_by OR NEW.filed_at IS DISTINCT FROM OLD.filed_at) EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER document_no_truncate BEFORE TRUNCATE ON public.document FOR EACH STATEMENT EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER document_checklist_revision BEFORE INSERT OR UPDATE OR DELETE ON public.document_checklist FOR EACH ROW EXECUTE FUNCTION public.guard_recorded();

CREATE TRIGGER document_checklist_frozen BEFORE UPDATE ON public.document_checklist FOR EACH ROW WHEN (NEW.confirmation_id IS DISTINCT FROM OLD.confirmation_id OR NEW.trade_id IS DISTINCT FROM OLD.trade_id OR NEW.version IS DISTINCT FROM OLD.version OR NEW.by_hand IS DISTINCT FROM OLD.by_hand) EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER document_checklist_no_truncate BEFORE TRUNCATE ON public.document_checklist FOR EACH STATEMENT EXECUTE FUNCTION public.guard_append_only();

CREATE CONSTRAINT TRIGGER document_content_came_with_entry AFTER INSERT ON public.document_content DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.guard_came_with_entry();

CREATE TRIGGER document_content_append_only BEFORE UPDATE OR DELETE ON public.document_content FOR EACH ROW EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER document_content_no_truncate BEFORE TRUNCATE ON public.document_content FOR EACH STATEMENT EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER excess_revision BEFORE INSERT OR UPDATE OR DELETE ON public.excess FOR EACH ROW EXECUTE FUNCTION public.guard_recorded();

CREATE TRIGGER excess_no_truncate BEFORE TRUNCATE ON public.excess FOR EACH STATEMENT EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER fixing_set_revision BEFORE INSERT OR UPDATE OR DELETE ON public.fixing_set FOR EACH ROW EXECUTE FUNCTION public.guard_recorded();

CREATE TRIGGER fixing_set_no_truncate BEFORE TRUNCATE ON public.fixing_set FOR EACH STATEMENT EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER forwarded_confirmation_revision BEFORE INSERT OR UPDATE OR DELETE ON public.forwarded_confirmation FOR EACH ROW EXECUTE FUNCTION public.guard_recorded();

CREATE TRIGGER forwarded_confirmation_frozen BEFORE UPDATE ON public.forwarded_confirmation FOR EACH ROW WHEN (NEW.trade_id IS DISTINCT FROM OLD.trade_id OR NEW.said_sender IS DISTINCT FROM OLD.said_sender OR NEW.said IS DISTINCT FROM OLD.said OR NEW.forwarded_by IS DISTINCT FROM OLD.forwarded_by OR NEW.forwarded_at IS DISTINCT FROM OLD.forwarded_at) EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER forwarded_confirmation_no_truncate BEFORE TRUNCATE ON public.forwarded_confirmation FOR EACH STATEMENT EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER inbound_message_revision BEFORE INSERT OR UPDATE OR DELETE ON public.inbound_message FOR EACH ROW EXECUTE FUNCTION public.guard_recorded();

CREATE TRIGGER inbound_message_frozen BEFORE UPDATE ON public.inbound_message FOR EACH ROW WHEN (NEW.source IS DISTINCT FROM OLD.source OR NEW.sender IS DISTINCT FROM OLD.sender OR NEW.document_id IS DISTINCT FROM OLD.document_id OR NEW.sha256 IS DISTINCT FROM OLD.sha256 OR NEW.name IS DISTINCT FROM OLD.name OR NEW.format IS DISTINCT FROM OLD.format OR NEW.fields IS DISTINCT FROM OLD.fields OR NEW.their_reference IS DISTINCT FROM OLD.their_reference OR NEW.our_reference IS DISTINCT FROM OLD.our_reference OR NEW.counterparty_id IS DISTINCT FROM OLD.counterparty_id OR NEW.received_at IS DISTINCT FROM OLD.received_at) EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER inbound_message_no_truncate BEFORE TRUNCATE ON public.inbound_message FOR EACH STATEMENT EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER instruction_revision BEFORE INSERT OR UPDATE OR DELETE ON public.instruction FOR EACH ROW EXECUTE FUNCTION public.guard_recorded();

CREATE TRIGGER instruction_no_truncate BEFORE TRUNCATE ON public.instruction FOR EACH STATEMENT EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER journal_revision BEFORE INSERT OR UPDATE OR DELETE ON public.journal FOR EACH ROW EXECUTE FUNCTION public.guard_recorded();

CREATE TRIGGER journal_frozen BEFORE UPDATE ON public.journal FOR EACH ROW WHEN (NEW.event_key IS DISTINCT FROM OLD.event_key OR NEW.trade_id IS DISTINCT FROM OLD.trade_id OR NEW.version IS DISTINCT FROM OLD.version OR NEW.rule IS DISTINCT FROM OLD.rule OR NEW.booked_on IS DISTINCT FROM OLD.booked_on OR NEW.lines_digest IS DISTINCT FROM OLD.lines_digest) EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER journal_no_truncate BEFORE TRUNCATE ON public.journal FOR EACH STATEMENT EXECUTE FUNCTION public.guard_append_only();

CREATE CONSTRAINT TRIGGER journal_line_came_with_entry AFTER INSERT ON public.journal_line DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.guard_came_with_entry();

CREATE TRIGGER journal_line_append_only BEFORE UPDATE OR DELETE ON public.journal_line FOR EACH ROW EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER journal_line_no_truncate BEFORE TRUNCATE ON public.journal_line FOR EACH STATEMENT EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER justification_revision BEFORE INSERT OR UPDATE OR DELETE ON public.justification FOR EACH ROW EXECUTE FUNCTION public.guard_recorded();

CREATE TRIGGER justification_no_truncate BEFORE TRUNCATE ON public.justification FOR EACH STATEMENT EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER key_rotation_revision BEFORE INSERT OR UPDATE OR DELETE ON public.key_rotation FOR EACH ROW EXECUTE FUNCTION public.guard_recorded();

CREATE TRIGGER key_rotation_frozen BEFORE UPDATE ON public.key_rotation FOR EACH ROW WHEN (NEW.overlap IS DISTINCT FROM OLD.overlap) EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER key_rotation_no_truncate BEFORE TRUNCATE ON public.key_rotation FOR EACH STATEMENT EXECUTE FUNCTION public.guard_append_only();

CREATE CONSTRAINT TRIGGER lagging_row_came_with_entry AFTER INSERT ON public.lagging_row DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.guard_came_with_entry();

CREATE TRIGGER lagging_row_frozen BEFORE UPDATE ON public.lagging_row FOR EACH ROW WHEN (NEW.recovery_id IS DISTINCT FROM OLD.recovery_id OR NEW.kind IS DISTINCT FROM OLD.kind OR NEW.object_id IS DISTINCT FROM OLD.object_id OR NEW.rev IS DISTINCT FROM OLD.rev OR NEW.why IS DISTINCT FROM OLD.why OR NEW.entry_id IS DISTINCT FROM OLD.entry_id) EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER lagging_row_no_delete BEFORE DELETE ON public.lagging_row FOR EACH ROW EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER lagging_row_no_truncate BEFORE TRUNCATE ON public.lagging_row FOR EACH STATEMENT EXECUTE FUNCTION public.guard_append_only();

CREATE CONSTRAINT TRIGGER limit_reservation_came_with_entry AFTER INSERT ON public.limit_reservation DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.guard_came_with_entry();

CREATE TRIGGER limit_reservation_append_only BEFORE UPDATE OR DELETE ON public.limit_reservation FOR EACH ROW EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER limit_reservation_no_truncate BEFORE TRUNCATE ON public.limit_reservation FOR EACH STATEMENT EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER limit_vote_revision BEFORE INSERT OR UPDATE OR DELETE ON public.limit_vote FOR EACH ROW EXECUTE FUNCTION public.guard_recorded();

CREATE TRIGGER limit_vote_no_truncate BEFORE TRUNCATE ON public.limit_vote FOR EACH STATEMENT EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER long_form_revision BEFORE INSERT OR UPDATE OR DELETE ON public.long_form FOR EACH ROW EXECUTE FUNCTION public.guard_recorded();

CREATE TRIGGER long_form_frozen BEFORE UPDATE ON public.long_form FOR EACH ROW WHEN (NEW.confirmation_id IS DISTINCT FROM OLD.confirmation_id OR NEW.trade_id IS DISTINCT FROM OLD.trade_id OR NEW.due_on IS DISTINCT FROM OLD.due_on) EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER long_form_no_truncate BEFORE TRUNCATE ON public.long_form FOR EACH STATEMENT EXECUTE FUNCTION public.guard_append_only();

CREATE CONSTRAINT TRIGGER market_check_came_with_entry AFTER INSERT ON public.market_check DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.guard_came_with_entry();

CREATE TRIGGER market_check_append_only BEFORE UPDATE OR DELETE ON public.market_check FOR EACH ROW EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER market_check_no_truncate BEFORE TRUNCATE ON public.market_check FOR EACH STATEMENT EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER match_tolerance_revision BEFORE INSERT OR UPDATE OR DELETE ON public.match_tolerance FOR EACH ROW EXECUTE FUNCTION public.guard_recorded();

CREATE TRIGGER match_tolerance_frozen BEFORE UPDATE ON public.match_tolerance FOR EACH ROW WHEN (NEW.number IS DISTINCT FROM OLD.number OR NEW.rates IS DISTINCT FROM OLD.rates OR NEW.amounts IS DISTINCT FROM OLD.amounts OR NEW.proposal_id IS DISTINCT FROM OLD.proposal_id) EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER match_tolerance_no_truncate BEFORE TRUNCATE ON public.match_tolerance FOR EACH STATEMENT EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER membership_revision BEFORE INSERT OR UPDATE OR DELETE ON public.membership FOR EACH ROW EXECUTE FUNCTION public.guard_recorded();

CREATE TRIGGER membership_frozen BEFORE UPDATE ON public.membership FOR EACH ROW WHEN (NEW.person_id IS DISTINCT FROM OLD.person_id OR NEW.unit_id IS DISTINCT FROM OLD.unit_id OR NEW.valid_from IS DISTINCT FROM OLD.valid_from) EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER membership_no_truncate BEFORE TRUNCATE ON public.membership FOR EACH STATEMENT EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER net_revision BEFORE INSERT OR UPDATE OR DELETE ON public.net FOR EACH ROW EXECUTE FUNCTION public.guard_recorded();

CREATE TRIGGER net_frozen BEFORE UPDATE ON public.net FOR EACH ROW WHEN (NEW.counterparty_id IS DISTINCT FROM OLD.counterparty_id OR NEW.currency IS DISTINCT FROM OLD.currency OR NEW.pay_on IS DISTINCT FROM OLD.pay_on OR NEW.instruction_id IS DISTINCT FROM OLD.instruction_id OR NEW.composed_by IS DISTINCT FROM OLD.composed_by) EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER net_no_truncate BEFORE TRUNCATE ON public.net FOR EACH STATEMENT EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER notice_revision BEFORE INSERT OR UPDATE OR DELETE ON public.notice FOR EACH ROW EXECUTE FUNCTION public.guard_recorded();

CREATE TRIGGER notice_no_truncate BEFORE TRUNCATE ON public.notice FOR EACH STATEMENT EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER organisation_proposal_revision BEFORE INSERT OR UPDATE OR DELETE ON public.organisation_proposal FOR EACH ROW EXECUTE FUNCTION public.guard_recorded();

CREATE TRIGGER organisation_proposal_frozen BEFORE UPDATE ON public.organisation_proposal FOR EACH ROW WHEN (NEW.valid_from IS DISTINCT FROM OLD.valid_from OR NEW.lines IS DISTINCT FROM OLD.lines OR NEW.reason IS DISTINCT FROM OLD.reason OR NEW.proposed_by IS DISTINCT FROM OLD.proposed_by) EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER organisation_proposal_no_truncate BEFORE TRUNCATE ON public.organisation_proposal FOR EACH STATEMENT EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER payment_revision BEFORE INSERT OR UPDATE OR DELETE ON public.payment FOR EACH ROW EXECUTE FUNCTION public.guard_recorded();

CREATE TRIGGER payment_frozen BEFORE UPDATE ON public.payment FOR EACH ROW WHEN (NEW.settlement_id IS DISTINCT FROM OLD.settlement_id OR NEW.net_id IS DISTINCT FROM OLD.net_id OR NEW.trade_id IS DISTINCT FROM OLD.trade_id OR NEW.number IS DISTINCT FROM OLD.number OR NEW.reference IS DISTINCT FROM OLD.reference OR NEW.end_to_end_id IS DISTINCT FROM OLD.end_to_end_id OR NEW.uetr IS DISTINCT FROM OLD.uetr OR NEW.currency IS DISTINCT FROM OLD.currency OR NEW.amount IS DISTINCT FROM OLD.amount OR NEW.settle_on IS DISTINCT FROM OLD.settle_on OR NEW.message_key IS DISTINCT FROM OLD.message_key OR NEW.made_at IS DISTINCT FROM OLD.made_at) EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER payment_no_truncate BEFORE TRUNCATE ON public.payment FOR EACH STATEMENT EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER payment_status_revision BEFORE INSERT OR UPDATE OR DELETE ON public.payment_status FOR EACH ROW EXECUTE FUNCTION public.guard_recorded();

CREATE TRIGGER payment_status_frozen BEFORE UPDATE ON public.payment_status FOR EACH ROW WHEN (NEW.source IS DISTINCT FROM OLD.source OR NEW.sender IS DISTINCT FROM OLD.sender OR NEW.name IS DISTINCT FROM OLD.name OR NEW.sha256 IS DISTINCT FROM OLD.sha256 OR NEW.position IS DISTINCT FROM OLD.position OR NEW.document_id IS DISTINCT FROM OLD.document_id OR NEW.received_at IS DISTINCT FROM OLD.received_at OR NEW.format IS DISTINCT FROM OLD.format OR NEW.their_message IS DISTINCT FROM OLD.their_message OR NEW.code IS DISTINCT FROM OLD.code OR NEW.reasons IS DISTINCT FROM OLD.reasons OR NEW.additional IS DISTINCT FROM OLD.additional OR NEW.message_id IS DISTINCT FROM OLD.message_id OR NEW.instruction_id IS DISTINCT FROM OLD.instruction_id OR NEW.end_to_end_id IS DISTINCT FROM OLD.end_to_end_id OR NEW.uetr IS DISTINCT FROM OLD.uetr OR NEW.account IS DISTINCT FROM OLD.account OR NEW.servicer_reference IS DISTINCT FROM OLD.servicer_reference OR NEW.currency IS DISTINCT FROM OLD.currency OR NEW.amount IS DISTINCT FROM OLD.amount OR NEW.credit IS DISTINCT FROM OLD.credit OR NEW.reversal IS DISTINCT FROM OLD.reversal OR NEW.value_on IS DISTINCT FROM OLD.value_on) EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER payment_status_no_truncate BEFORE TRUNCATE ON public.payment_status FOR EACH STATEMENT EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER person_revision BEFORE INSERT OR UPDATE OR DELETE ON public.person FOR EACH ROW EXECUTE FUNCTION public.guard_recorded();

CREATE TRIGGER person_frozen BEFORE UPDATE ON public.person FOR EACH ROW WHEN (NEW.staff_number IS DISTINCT FROM OLD.staff_number) EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER person_no_truncate BEFORE TRUNCATE ON public.person FOR EACH STATEMENT EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER policy_approval_revision BEFORE INSERT OR UPDATE OR DELETE ON public.policy_approval FOR EACH ROW EXECUTE FUNCTION public.guard_recorded();

CREATE TRIGGER policy_approval_no_truncate BEFORE TRUNCATE ON public.policy_approval FOR EACH STATEMENT EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER policy_draft_revision BEFORE INSERT OR UPDATE OR DELETE ON public.policy_draft FOR EACH ROW EXECUTE FUNCTION public.guard_recorded();

CREATE TRIGGER policy_draft_frozen BEFORE UPDATE ON public.policy_draft FOR EACH ROW WHEN (NEW.base IS DISTINCT FROM OLD.base OR NEW.version IS DISTINCT FROM OLD.version OR NEW.effective_at IS DISTINCT FROM OLD.effective_at OR NEW.files IS DISTINCT FROM OLD.files OR NEW.author_id IS DISTINCT FROM OLD.author_id) EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER policy_draft_no_truncate BEFORE TRUNCATE ON public.policy_draft FOR EACH STATEMENT EXECUTE FUNCTION public.guard_append_only();

CREATE CONSTRAINT TRIGGER policy_text_came_with_entry AFTER INSERT ON public.policy_text DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.guard_came_with_entry();

CREATE TRIGGER policy_text_append_only BEFORE UPDATE OR DELETE ON public.policy_text FOR EACH ROW EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER policy_text_no_truncate BEFORE TRUNCATE ON public.policy_text FOR EACH STATEMENT EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER portfolio_revision BEFORE INSERT OR UPDATE OR DELETE ON public.portfolio FOR EACH ROW EXECUTE FUNCTION public.guard_recorded();

CREATE TRIGGER portfolio_no_truncate BEFORE TRUNCATE ON public.portfolio FOR EACH STATEMENT EXECUTE FUNCTION public.guard_append_only();

CREATE CONSTRAINT TRIGGER position_movement_came_with_entry AFTER INSERT ON public.position_movement DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.guard_came_with_entry();

CREATE TRIGGER position_movement_append_only BEFORE UPDATE OR DELETE ON public.position_movement FOR EACH ROW EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER position_movement_no_truncate BEFORE TRUNCATE ON public.position_movement FOR EACH STATEMENT EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER premises_report_revision BEFORE INSERT OR UPDATE OR DELETE ON public.premises_report FOR EACH ROW EXECUTE FUNCTION public.guard_recorded();

CREATE TRIGGER premises_report_no_truncate BEFORE TRUNCATE ON public.premises_report FOR EACH STATEMENT EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER proposal_revision BEFORE INSERT OR UPDATE OR DELETE ON public.proposal FOR EACH ROW EXECUTE FUNCTION public.guard_recorded();

CREATE TRIGGER proposal_frozen BEFORE UPDATE ON public.proposal FOR EACH ROW WHEN (NEW.object_kind IS DISTINCT FROM OLD.object_kind OR NEW.object_id IS DISTINCT FROM OLD.object_id OR NEW.payload IS DISTINCT FROM OLD.payload) EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER proposal_no_truncate BEFORE TRUNCATE ON public.proposal FOR EACH STATEMENT EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER recovery_revision BEFORE INSERT OR UPDATE OR DELETE ON public.recovery FOR EACH ROW EXECUTE FUNCTION public.guard_recorded();

CREATE TRIGGER recovery_frozen BEFORE UPDATE ON public.recovery FOR EACH ROW WHEN (NEW.found_size IS DISTINCT FROM OLD.found_size OR NEW.size IS DISTINCT FROM OLD.size OR NEW.root IS DISTINCT FROM OLD.root OR NEW.reason IS DISTINCT FROM OLD.reason) EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER recovery_no_truncate BEFORE TRUNCATE ON public.recovery FOR EACH STATEMENT EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER reporting_line_revision BEFORE INSERT OR UPDATE OR DELETE ON public.reporting_line FOR EACH ROW EXECUTE FUNCTION public.guard_recorded();

CREATE TRIGGER reporting_line_frozen BEFORE UPDATE ON public.reporting_line FOR EACH ROW WHEN (NEW.unit_id IS DISTINCT FROM OLD.unit_id OR NEW.parent_id IS DISTINCT FROM OLD.parent_id OR NEW.functional_head_id IS DISTINCT FROM OLD.functional_head_id OR NEW.disciplinary_head_id IS DISTINCT FROM OLD.disciplinary_head_id OR NEW.board_member_id IS DISTINCT FROM OLD.board_member_id OR NEW.valid_from IS DISTINCT FROM OLD.valid_from OR NEW.proposal_id IS DISTINCT FROM OLD.proposal_id) EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER reporting_line_no_truncate BEFORE TRUNCATE ON public.reporting_line FOR EACH STATEMENT EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER request_decision_revision BEFORE INSERT OR UPDATE OR DELETE ON public.request_decision FOR EACH ROW EXECUTE FUNCTION public.guard_recorded();

CREATE TRIGGER request_decision_no_truncate BEFORE TRUNCATE ON public.request_decision FOR EACH STATEMENT EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER role_grant_revision BEFORE INSERT OR UPDATE OR DELETE ON public.role_grant FOR EACH ROW EXECUTE FUNCTION public.guard_recorded();

CREATE TRIGGER role_grant_frozen BEFORE UPDATE ON public.role_grant FOR EACH ROW WHEN (NEW.account_id IS DISTINCT FROM OLD.account_id OR NEW.role IS DISTINCT FROM OLD.role OR NEW.valid_from IS DISTINCT FROM OLD.valid_from OR NEW.valid_until IS DISTINCT FROM OLD.valid_until) EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER role_grant_no_truncate BEFORE TRUNCATE ON public.role_grant FOR EACH STATEMENT EXECUTE FUNCTION public.guard_append_only();

CREATE CONSTRAINT TRIGGER session_came_with_entry AFTER INSERT ON public.session DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.guard_came_with_entry();

CREATE TRIGGER session_frozen BEFORE UPDATE ON public.session FOR EACH ROW WHEN (NEW.id IS DISTINCT FROM OLD.id OR NEW.account_id IS DISTINCT FROM OLD.account_id OR NEW.token_sha256 IS DISTINCT FROM OLD.token_sha256 OR NEW.opened_at IS DISTINCT FROM OLD.opened_at OR NEW.idle_seconds IS DISTINCT FROM OLD.idle_seconds OR NEW.expires_at IS DISTINCT FROM OLD.expires_at OR NEW.restricted IS DISTINCT FROM OLD.restricted OR NEW.device IS DISTINCT FROM OLD.device OR NEW.entry_id IS DISTINCT FROM OLD.entry_id) EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER session_no_delete BEFORE DELETE ON public.session FOR EACH ROW EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER session_no_truncate BEFORE TRUNCATE ON public.session FOR EACH STATEMENT EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER settlement_revision BEFORE INSERT OR UPDATE OR DELETE ON public.settlement FOR EACH ROW EXECUTE FUNCTION public.guard_recorded();

CREATE TRIGGER settlement_frozen BEFORE UPDATE ON public.settlement FOR EACH ROW WHEN (NEW.trade_id IS DISTINCT FROM OLD.trade_id OR NEW.version IS DISTINCT FROM OLD.version OR NEW.leg IS DISTINCT FROM OLD.leg OR NEW.currency IS DISTINCT FROM OLD.currency OR NEW.amount IS DISTINCT FROM OLD.amount OR NEW.value_date IS DISTINCT FROM OLD.value_date) EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER settlement_no_truncate BEFORE TRUNCATE ON public.settlement FOR EACH STATEMENT EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER settlement_rule_revision BEFORE INSERT OR UPDATE OR DELETE ON public.settlement_rule FOR EACH ROW EXECUTE FUNCTION public.guard_recorded();

CREATE TRIGGER settlement_rule_frozen BEFORE UPDATE ON public.settlement_rule FOR EACH ROW WHEN (NEW.rule IS DISTINCT FROM OLD.rule OR NEW.product IS DISTINCT FROM OLD.product OR NEW.market IS DISTINCT FROM OLD.market OR NEW.currency IS DISTINCT FROM OLD.currency OR NEW.counterparty_id IS DISTINCT FROM OLD.counterparty_id OR NEW.code IS DISTINCT FROM OLD.code OR NEW.name_en IS DISTINCT FROM OLD.name_en OR NEW.name_de IS DISTINCT FROM OLD.name_de OR NEW.number IS DISTINCT FROM OLD.number OR NEW.days IS DISTINCT FROM OLD.days OR NEW.at IS DISTINCT FROM OLD.at OR NEW.zone IS DISTINCT FROM OLD.zone OR NEW.amount IS DISTINCT FROM OLD.amount OR NEW.rate_bp IS DISTINCT FROM OLD.rate_bp OR NEW.allowed IS DISTINCT FROM OLD.allowed OR NEW.valid_from IS DISTINCT FROM OLD.valid_from OR NEW.source IS DISTINCT FROM OLD.source OR NEW.proposed_by IS DISTINCT FROM OLD.proposed_by) EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER settlement_rule_no_truncate BEFORE TRUNCATE ON public.settlement_rule FOR EACH STATEMENT EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER staff_event_revision BEFORE INSERT OR UPDATE OR DELETE ON public.staff_event FOR EACH ROW EXECUTE FUNCTION public.guard_recorded();

CREATE TRIGGER staff_event_frozen BEFORE UPDATE ON public.staff_event FOR EACH ROW WHEN (NEW.staff_number IS DISTINCT FROM OLD.staff_number OR NEW.event IS DISTINCT FROM OLD.event OR NEW.person_id IS DISTINCT FROM OLD.person_id OR NEW.unit_id IS DISTINCT FROM OLD.unit_id OR NEW.effective_on IS DISTINCT FROM OLD.effective_on OR NEW.reported_at IS DISTINCT FROM OLD.reported_at OR NEW.reported_by IS DISTINCT FROM OLD.reported_by OR NEW.rights_ended IS DISTINCT FROM OLD.rights_ended) EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER staff_event_no_truncate BEFORE TRUNCATE ON public.staff_event FOR EACH STATEMENT EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER substitute_verification_revision BEFORE INSERT OR UPDATE OR DELETE ON public.substitute_verification FOR EACH ROW EXECUTE FUNCTION public.guard_recorded();

CREATE TRIGGER substitute_verification_frozen BEFORE UPDATE ON public.substitute_verification FOR EACH ROW WHEN (NEW.confirmation_id IS DISTINCT FROM OLD.confirmation_id OR NEW.trade_id IS DISTINCT FROM OLD.trade_id OR NEW.way IS DISTINCT FROM OLD.way OR NEW.contact IS DISTINCT FROM OLD.contact OR NEW.contact_source_id IS DISTINCT FROM OLD.contact_source_id OR NEW.said IS DISTINCT FROM OLD.said OR NEW.proposed_by IS DISTINCT FROM OLD.proposed_by OR NEW.proposed_at IS DISTINCT FROM OLD.proposed_at) EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER substitute_verification_no_truncate BEFORE TRUNCATE ON public.substitute_verification FOR EACH STATEMENT EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER trade_revision BEFORE INSERT OR UPDATE OR DELETE ON public.trade FOR EACH ROW EXECUTE FUNCTION public.guard_recorded();

CREATE TRIGGER trade_frozen BEFORE UPDATE ON public.trade FOR EACH ROW WHEN (NEW.portfolio_id IS DISTINCT FROM OLD.portfolio_id OR NEW.number IS DISTINCT FROM OLD.number OR NEW.type IS DISTINCT FROM OLD.type OR NEW.captured_by IS DISTINCT FROM OLD.captured_by OR NEW.captured_at IS DISTINCT FROM OLD.captured_at OR NEW.marks IS DISTINCT FROM OLD.marks OR NEW.mirrors_id IS DISTINCT FROM OLD.mirrors_id OR NEW.offered_to_id IS DISTINCT FROM OLD.offered_to_id OR NEW.purpose IS DISTINCT FROM OLD.purpose OR NEW.replaces_id IS DISTINCT FROM OLD.replaces_id) EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER trade_no_truncate BEFORE TRUNCATE ON public.trade FOR EACH STATEMENT EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER trade_control_revision BEFORE INSERT OR UPDATE OR DELETE ON public.trade_control FOR EACH ROW EXECUTE FUNCTION public.guard_recorded();

CREATE TRIGGER trade_control_no_truncate BEFORE TRUNCATE ON public.trade_control FOR EACH STATEMENT EXECUTE FUNCTION public.guard_append_only();

CREATE CONSTRAINT TRIGGER trade_version_came_with_entry AFTER INSERT ON public.trade_version DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.guard_came_with_entry();

CREATE TRIGGER trade_version_append_only BEFORE UPDATE OR DELETE ON public.trade_version FOR EACH ROW EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER trade_version_no_truncate BEFORE TRUNCATE ON public.trade_version FOR EACH STATEMENT EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER trading_limit_revision BEFORE INSERT OR UPDATE OR DELETE ON public.trading_limit FOR EACH ROW EXECUTE FUNCTION public.guard_recorded();

CREATE TRIGGER trading_limit_frozen BEFORE UPDATE ON public.trading_limit FOR EACH ROW WHEN (NEW.scope IS DISTINCT FROM OLD.scope OR NEW.owner_id IS DISTINCT FROM OLD.owner_id OR NEW.amount_eur IS DISTINCT FROM OLD.amount_eur OR NEW.valid_from IS DISTINCT FROM OLD.valid_from OR NEW.valid_to IS DISTINCT FROM OLD.valid_to OR NEW.short_term IS DISTINCT FROM OLD.short_term OR NEW.reason IS DISTINCT FROM OLD.reason OR NEW.proposed_by IS DISTINCT FROM OLD.proposed_by) EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER trading_limit_no_truncate BEFORE TRUNCATE ON public.trading_limit FOR EACH STATEMENT EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER transfer_revision BEFORE INSERT OR UPDATE OR DELETE ON public.transfer FOR EACH ROW EXECUTE FUNCTION public.guard_recorded();

CREATE TRIGGER transfer_no_truncate BEFORE TRUNCATE ON public.transfer FOR EACH STATEMENT EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER transfer_control_revision BEFORE INSERT OR UPDATE OR DELETE ON public.transfer_control FOR EACH ROW EXECUTE FUNCTION public.guard_recorded();

CREATE TRIGGER transfer_control_no_truncate BEFORE TRUNCATE ON public.transfer_control FOR EACH STATEMENT EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER transfer_review_revision BEFORE INSERT OR UPDATE OR DELETE ON public.transfer_review FOR EACH ROW EXECUTE FUNCTION public.guard_recorded();

CREATE TRIGGER transfer_review_no_truncate BEFORE TRUNCATE ON public.transfer_review FOR EACH STATEMENT EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER transfer_signature_revision BEFORE INSERT OR UPDATE OR DELETE ON public.transfer_signature FOR EACH ROW EXECUTE FUNCTION public.guard_recorded();

CREATE TRIGGER transfer_signature_no_truncate BEFORE TRUNCATE ON public.transfer_signature FOR EACH STATEMENT EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER transmission_revision BEFORE INSERT OR UPDATE OR DELETE ON public.transmission FOR EACH ROW EXECUTE FUNCTION public.guard_recorded();

CREATE TRIGGER transmission_frozen BEFORE UPDATE ON public.transmission FOR EACH ROW WHEN (NEW.confirmation_id IS DISTINCT FROM OLD.confirmation_id OR NEW.trade_id IS DISTINCT FROM OLD.trade_id OR NEW.purpose IS DISTINCT FROM OLD.purpose OR NEW.step IS DISTINCT FROM OLD.step OR NEW.format IS DISTINCT FROM OLD.format OR NEW.document_id IS DISTINCT FROM OLD.document_id OR NEW.sha256 IS DISTINCT FROM OLD.sha256 OR NEW.message_key IS DISTINCT FROM OLD.message_key) EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER transmission_no_truncate BEFORE TRUNCATE ON public.transmission FOR EACH STATEMENT EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER unit_revision BEFORE INSERT OR UPDATE OR DELETE ON public.unit FOR EACH ROW EXECUTE FUNCTION public.guard_recorded();

CREATE TRIGGER unit_frozen BEFORE UPDATE ON public.unit FOR EACH ROW WHEN (NEW.code IS DISTINCT FROM OLD.code OR NEW.name IS DISTINCT FROM OLD.name OR NEW.function_class IS DISTINCT FROM OLD.function_class) EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER unit_no_truncate BEFORE TRUNCATE ON public.unit FOR EACH STATEMENT EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER work_item_frozen BEFORE UPDATE ON public.work_item FOR EACH ROW WHEN (NEW.id IS DISTINCT FROM OLD.id OR NEW.home IS DISTINCT FROM OLD.home OR NEW.kind IS DISTINCT FROM OLD.kind OR NEW.subject_kind IS DISTINCT FROM OLD.subject_kind OR NEW.subject_id IS DISTINCT FROM OLD.subject_id OR NEW.trade_id IS DISTINCT FROM OLD.trade_id OR NEW.version IS DISTINCT FROM OLD.version OR NEW.reason IS DISTINCT FROM OLD.reason OR NEW.due_at IS DISTINCT FROM OLD.due_at OR NEW.opened_at IS DISTINCT FROM OLD.opened_at OR NEW.opened_by IS DISTINCT FROM OLD.opened_by OR NEW.entry_id IS DISTINCT FROM OLD.entry_id) EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER work_item_no_delete BEFORE DELETE ON public.work_item FOR EACH ROW EXECUTE FUNCTION public.guard_append_only();

CREATE TRIGGER work_item_no_truncate BEFORE TRUNCATE ON public.work_item FOR EACH STATEMENT EXECUTE FUNCTION public.guard_append_only();

CREATE CONSTRAINT TRIGGER audit_entry_in_time AFTER INSERT ON public.audit_entry DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.guard_committed_in_time();

CREATE CONSTRAINT TRIGGER journal_line_balanced AFTER INSERT ON public.journal_line DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.guard_journal_balanced();

CREATE CONSTRAINT TRIGGER trade_number_taken AFTER INSERT ON public.trade DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.guard_number_taken();

CREATE CONSTRAINT TRIGGER trade_version_covered AFTER INSERT ON public.trade_version DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.guard_version_covered();

CREATE CONSTRAINT TRIGGER limit_reservation_for_version AFTER INSERT ON public.limit_reservation DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.guard_reserved_for_version();

CREATE CONSTRAINT TRIGGER market_check_told AFTER INSERT ON public.market_check DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.guard_alert_told();

CREATE TRIGGER absence_by_its_hands BEFORE INSERT OR UPDATE ON public.absence FOR EACH ROW EXECUTE FUNCTION public.guard_absence();

CREATE CONSTRAINT TRIGGER absence_hands AFTER UPDATE ON public.absence DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.guard_absence_hands();

CREATE CONSTRAINT TRIGGER desk_receipt_of_today AFTER INSERT ON public.desk_receipt DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.guard_desk_receipt();

CREATE TRIGGER delegation_of_own_duties BEFORE INSERT OR UPDATE ON public.delegation FOR EACH ROW EXECUTE FUNCTION public.guard_delegation();

CREATE CONSTRAINT TRIGGER delegation_approved AFTER UPDATE ON public.delegation DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.guard_delegation_approved();

CREATE TRIGGER case_file_step BEFORE INSERT OR UPDATE ON public.case_file FOR EACH ROW EXECUTE FUNCTION public.guard_case();

CREATE CONSTRAINT TRIGGER case_file_whole AFTER INSERT OR UPDATE ON public.case_file DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.guard_case_whole();

CREATE TRIGGER case_note_in_case BEFORE INSERT ON public.case_note FOR EACH ROW EXECUTE FUNCTION public.guard_case_note();

ALTER TABLE public.case_file ENABLE ROW LEVEL SECURITY;

CREATE POLICY in_sight ON public.case_file USING (public.case_in_sight(office, signs, state));

ALTER TABLE public.case_note ENABLE ROW LEVEL SECURITY;

CREATE POLICY in_sight ON public.case_note USING (EXISTS (SELECT FROM public.case_file c WHERE c.id = case_id));

ALTER TABLE public.case_receipt ENABLE ROW LEVEL SECURITY;

CREATE POLICY in_sight ON public.case_receipt USING (EXISTS (SELECT FROM public.case_file c WHERE c.id = case_id));

CREATE TRIGGER trading_limit_begins_proposed BEFORE INSERT ON public.trading_limit FOR EACH ROW EXECUTE FUNCTION public.guard_limit_proposed();

CREATE TRIGGER limit_vote_of_its_office BEFORE INSERT ON public.limit_vote FOR EACH ROW EXECUTE FUNCTION public.guard_limit_vote();

CREATE TRIGGER settlement_hands BEFORE INSERT OR UPDATE ON public.settlement FOR EACH ROW EXECUTE FUNCTION public.guard_settlement_hands();

CREATE TRIGGER payment_step BEFORE INSERT OR UPDATE ON public.payment FOR EACH ROW EXECUTE FUNCTION public.guard_payment();

CREATE TRIGGER payment_status_step BEFORE INSERT OR UPDATE ON public.payment_status FOR EACH ROW EXECUTE FUNCTION public.guard_payment_status();

CREATE TRIGGER net_step BEFORE INSERT OR UPDATE ON public.net FOR EACH ROW EXECUTE FUNCTION public.guard_net();

CREATE CONSTRAINT TRIGGER net_whole AFTER INSERT OR UPDATE ON public.net DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.guard_net_whole();

CREATE CONSTRAINT TRIGGER settlement_net_whole AFTER UPDATE ON public.settlement DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.guard_leg_of_net();

CREATE CONSTRAINT TRIGGER payment_ordered AFTER INSERT OR UPDATE OF document_id ON public.payment DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.guard_payment_ordered();

CREATE CONSTRAINT TRIGGER trading_limit_voted AFTER UPDATE ON public.trading_limit DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.guard_limit_voted();

CREATE CONSTRAINT TRIGGER reporting_line_apart AFTER INSERT ON public.reporting_line DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.guard_line_apart();

CREATE CONSTRAINT TRIGGER membership_apart AFTER INSERT ON public.membership DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.guard_membership_apart();

CREATE CONSTRAINT TRIGGER person_has_membership AFTER INSERT OR UPDATE OF unit_id ON public.person DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.guard_person_has_membership();

CREATE CONSTRAINT TRIGGER portfolio_of_trading AFTER INSERT OR UPDATE OF desk_id ON public.portfolio DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.guard_portfolio_of_trading();

CREATE CONSTRAINT TRIGGER account_owner_apart AFTER UPDATE OF owner_id ON public.account DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.guard_owner_apart();

CREATE CONSTRAINT TRIGGER role_grant_asked AFTER INSERT ON public.role_grant DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.guard_grant_asked();

CREATE CONSTRAINT TRIGGER role_grant_apart AFTER INSERT OR UPDATE OF state ON public.role_grant DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.guard_roles_apart();

CREATE TRIGGER absence_people_changed AFTER INSERT OR UPDATE OR DELETE ON public.absence FOR EACH STATEMENT EXECUTE FUNCTION public.people_changed();

CREATE TRIGGER account_people_changed AFTER INSERT OR UPDATE OR DELETE ON public.account FOR EACH STATEMENT EXECUTE FUNCTION public.people_changed();

CREATE TRIGGER delegation_people_changed AFTER INSERT OR UPDATE OR DELETE ON public.delegation FOR EACH STATEMENT EXECUTE FUNCTION public.people_changed();

CREATE TRIGGER desk_time_people_changed AFTER INSERT OR UPDATE OR DELETE ON public.desk_time FOR EACH STATEMENT EXECUTE FUNCTION public.people_changed();

CREATE TRIGGER membership_people_changed AFTER INSERT OR UPDATE OR DELETE ON public.membership FOR EACH STATEMENT EXECUTE FUNCTION public.people_changed();

CREATE TRIGGER person_people_changed AFTER INSERT OR UPDATE OR DELETE ON public.person FOR EACH STATEMENT EXECUTE FUNCTION public.people_changed();

CREATE TRIGGER reporting_line_people_changed AFTER INSERT OR UPDATE OR DELETE ON public.reporting_line FOR EACH STATEMENT EXECUTE FUNCTION public.people_changed();

CREATE TRIGGER role_grant_people_changed AFTER INSERT OR UPDATE OR DELETE ON public.role_grant FOR EACH STATEMENT EXECUTE FUNCTION public.people_changed();

CREATE TRIGGER staff_event_people_changed AFTER INSERT OR UPDATE OR DELETE ON public.staff_event FOR EACH STATEMENT EXECUTE FUNCTION public.people_changed();

CREATE TRIGGER unit_people_changed AFTER INSERT OR UPDATE OR DELETE ON public.unit FOR EACH STATEMENT EXECUTE FUNCTION public.people_changed();

CREATE CONSTRAINT TRIGGER change_request_waits AFTER INSERT ON public.change_request DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.guard_waits('decide');

CREATE CONSTRAINT TRIGGER trade_version_waits AFTER INSERT ON public.trade_version DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.guard_waits('accept_internal', 'verify');

CREATE CONSTRAINT TRIGGER transfer_waits AFTER INSERT ON public.transfer DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.guard_waits('prepare_transfer');

CREATE TRIGGER policy_draft_step BEFORE INSERT OR UPDATE ON public.policy_draft FOR EACH ROW EXECUTE FUNCTION public.guard_policy_draft();

CREATE CONSTRAINT TRIGGER policy_draft_approved AFTER UPDATE ON public.policy_draft DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.guard_policy_approved();

CREATE CONSTRAINT TRIGGER policy_draft_hand AFTER INSERT ON public.policy_draft DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.guard_policy_hand();

CREATE CONSTRAINT TRIGGER policy_approval_hand AFTER INSERT ON public.policy_approval DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.guard_policy_hand();

ALTER TABLE public.fixing_set ENABLE ROW LEVEL SECURITY;

CREATE POLICY published ON public.fixing_set USING (public.is_published(day));

CREATE TRIGGER document_of_its_office BEFORE INSERT ON public.document FOR EACH ROW EXECUTE FUNCTION public.guard_document();

CREATE CONSTRAINT TRIGGER document_filed AFTER INSERT ON public.document DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.guard_document_filed();

CREATE CONSTRAINT TRIGGER document_content_filed AFTER INSERT ON public.document_content DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.guard_content_filed();

ALTER TABLE public.document ENABLE ROW LEVEL SECURITY;

CREATE POLICY in_sight ON public.document FOR SELECT USING (coalesce((SELECT public.current_office()) IN ('compliance', 'internal_audit'), true) OR office = (SELECT public.current_office()) OR office NOT IN ('compliance', 'internal_audit') AND document_kind = ANY ((SELECT public.papers_in_sight())::text[]));

CREATE POLICY own ON public.document FOR INSERT WITH CHECK (office = public.current_office());

ALTER TABLE public.document_content ENABLE ROW LEVEL SECURITY;

CREATE POLICY in_sight ON public.document_content USING (public.content_in_sight(sha256));

ALTER TABLE public.work_item ENABLE ROW LEVEL SECURITY;

CREATE POLICY in_sight ON public.work_item USING (coalesce((SELECT public.current_office()) <> 'front_office', true) OR kind NOT IN ('absence_breach', 'absence_breach_risk', 'case_notice', 'check_rights', 'dead_end', 'escalated_audit', 'escalated_board', 'escalated_compliance', 'escalated_head', 'escalated_risk', 'examine_alert', 'examine_alleged', 'examine_case', 'resolve_conflict', 'second_device', 'review_alert', 'sign_case') OR home = 'front_office');

ALTER TABLE public.benchmark ENABLE ROW LEVEL SECURITY;

CREATE POLICY published ON public.benchmark USING (public.is_published(day));

