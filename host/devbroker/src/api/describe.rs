//! Looking at producers and transactions.

use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::describe_producers_response::{PartitionResponse, ProducerState, TopicResponse};
use kafka_protocol::messages::describe_transactions_response::{TopicData, TransactionState as DescribedTransaction};
use kafka_protocol::messages::list_transactions_response::TransactionState as ListedTransaction;
use kafka_protocol::messages::{
    DescribeProducersRequest, DescribeProducersResponse, DescribeTransactionsRequest, DescribeTransactionsResponse,
    ListTransactionsRequest, ListTransactionsResponse, ProducerId, TopicName, TransactionalId,
};

use super::{Call, text};
use crate::journal::TransactionState;
use crate::state::now_ms;

pub(super) fn producers(call: &Call<'_>, request: DescribeProducersRequest) -> DescribeProducersResponse {
    let state = call.state();
    let topics = request.topics.iter().map(|topic| {
        let partitions = topic.partition_indexes.iter().map(|&index| {
            let answer = PartitionResponse::default().with_partition_index(index).with_error_message(None);
            match state.partition(&topic.name, index) {
                Err(error) => answer.with_error_code(error.code()),
                Ok(partition) => {
                    let active = partition.producers.active().map(|producer| {
                        ProducerState::default()
                            .with_producer_id(ProducerId(producer.id))
                            .with_producer_epoch(i32::from(producer.epoch))
                            .with_last_sequence(producer.last_sequence)
                            .with_last_timestamp(producer.seen)
                            .with_current_txn_start_offset(producer.open.unwrap_or(-1))
                    });
                    answer.with_active_producers(active.collect())
                }
            }
        });
        TopicResponse::default().with_name(topic.name.clone()).with_partitions(partitions.collect())
    });
    DescribeProducersResponse::default().with_topics(topics.collect())
}

fn name(state: TransactionState) -> &'static str {
    match state {
        TransactionState::Empty => "Empty",
        TransactionState::Ongoing => "Ongoing",
        TransactionState::PrepareCommit => "PrepareCommit",
        TransactionState::PrepareAbort => "PrepareAbort",
        TransactionState::CompleteCommit => "CompleteCommit",
        TransactionState::CompleteAbort => "CompleteAbort",
    }
}

pub(super) fn transactions(call: &Call<'_>, request: DescribeTransactionsRequest) -> DescribeTransactionsResponse {
    let state = call.state();
    let states = request.transactional_ids.into_iter().map(|id| {
        let Some(known) = state.transactions.get(id.as_str()) else {
            let code = ResponseError::TransactionalIdNotFound.code();
            return DescribedTransaction::default().with_transactional_id(id).with_error_code(code);
        };
        let mut topics: Vec<TopicData> = Vec::new();
        for (topic, partition) in &known.partitions {
            match topics.last_mut().filter(|last| last.topic.as_str() == topic) {
                Some(last) => last.partitions.push(*partition),
                None => {
                    let data = TopicData::default().with_topic(TopicName(text(topic)));
                    topics.push(data.with_partitions(vec![*partition]));
                }
            }
        }
        DescribedTransaction::default()
            .with_transactional_id(id)
            .with_transaction_state(text(name(known.state)))
            .with_transaction_timeout_ms(known.timeout_ms)
            .with_transaction_start_time_ms(known.started_ms)
            .with_producer_id(ProducerId(known.producer))
            .with_producer_epoch(known.epoch)
            .with_topics(topics)
    });
    DescribeTransactionsResponse::default().with_transaction_states(states.collect())
}

pub(super) fn list_transactions(call: &Call<'_>, request: ListTransactionsRequest) -> ListTransactionsResponse {
    let state = call.state();
    let now = now_ms();
    let passes = |known: &crate::transaction::Transaction| {
        let of_state =
            request.state_filters.is_empty() || request.state_filters.iter().any(|wanted| wanted.as_str() == name(known.state));
        let of_producer =
            request.producer_id_filters.is_empty() || request.producer_id_filters.iter().any(|wanted| wanted.0 == known.producer);
        let old = request.duration_filter < 0 || known.started_ms >= 0 && now - known.started_ms >= request.duration_filter;
        of_state && of_producer && old
    };
    let listed = state.transactions.iter().filter(|(_, known)| passes(known)).map(|(id, known)| {
        ListedTransaction::default()
            .with_transactional_id(TransactionalId(text(id)))
            .with_producer_id(ProducerId(known.producer))
            .with_transaction_state(text(name(known.state)))
    });
    ListTransactionsResponse::default().with_transaction_states(listed.collect())
}
