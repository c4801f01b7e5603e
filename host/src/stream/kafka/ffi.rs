//! The calls of librdkafka that rust-rdkafka does not wrap: batches of messages from one queue, produce without an allocation a
//! record, the member's identity that goes with the offsets of a transaction, and what a user may do. All `unsafe` of
//! `stream/kafka` is here.
#![expect(unsafe_code, reason = "calls into librdkafka; each block says why it may")]

use std::ffi::{CStr, CString, c_void};
use std::marker::PhantomData;
use std::mem;
use std::ptr::{self, NonNull};
use std::slice;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::TopicPartitionList;
use rdkafka::bindings as rd;
use rdkafka::client::Client;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::producer::{BaseProducer, Producer};

use super::context::{Deliveries, Plain, Rebalances};
use super::error::Failure;
use crate::stream::Headers;

/// Messages taken from librdkafka at a time.
const TAKE_MAX: usize = 1024;

/// A queue of one's own to which partition queues are forwarded. The consumer's main queue must not be read in batches: a
/// rebalance found there would be answered by giving up everything.
pub(super) struct Messages {
    queue: NonNull<rd::rd_kafka_queue_t>,
    taken: Vec<*mut rd::rd_kafka_message_t>,
    next: usize,
    // Declared last, dropped last: messages and queue must be gone before the consumer is, or its end waits for ever.
    consumer: Arc<BaseConsumer<Rebalances>>,
}

// SAFETY: librdkafka's queues and messages belong to no thread; `&mut self` or `self` is needed for every use.
unsafe impl Send for Messages {}

impl Messages {
    pub(super) fn new(consumer: Arc<BaseConsumer<Rebalances>>) -> Option<Self> {
        // SAFETY: the client lives as long as `consumer`, which is kept.
        let queue = unsafe { rd::rd_kafka_queue_new(consumer.client().native_ptr()) };
        Some(Self { queue: NonNull::new(queue)?, taken: Vec::with_capacity(TAKE_MAX), next: 0, consumer })
    }

    /// Sends a partition's messages here instead of to the consumer's queue. To be called before the assignment is answered.
    pub(super) fn forward(&self, topic: &str, partition: i32) {
        let Ok(topic) = CString::new(topic) else { return };
        // SAFETY: the client lives; the partition's queue is a reference that is given back here, and both queues outlive the call.
        // The forward itself is counted by librdkafka.
        unsafe {
            let from = rd::rd_kafka_queue_get_partition(self.consumer.client().native_ptr(), topic.as_ptr(), partition);
            if !from.is_null() {
                rd::rd_kafka_queue_forward(from, self.queue.as_ptr());
                rd::rd_kafka_queue_destroy(from);
            }
        }
    }

    /// Takes what is queued, at most `max`; where nothing is, waits for the first. Nothing is taken while some are in hand.
    pub(super) fn take(&mut self, max: usize, wait: Duration) {
        if self.next < self.taken.len() {
            return;
        }
        let max = max.min(TAKE_MAX);
        // With a time limit librdkafka waits until the array is full: so first without, and then for a single one.
        self.call(max, 0);
        if self.taken.is_empty() && !wait.is_zero() {
            // Rounded up: a wait of less than a millisecond would be none, and its loop would spin.
            let ms = i32::try_from(wait.as_micros().div_ceil(1000)).unwrap_or(i32::MAX);
            self.call(max.min(1), ms);
        }
    }

    fn call(&mut self, max: usize, wait_ms: i32) {
        self.taken.clear();
        self.next = 0;
        // SAFETY: `taken` has room for TAKE_MAX pointers, and `max` is no more; the call writes as many as it returns.
        unsafe {
            let count = rd::rd_kafka_consume_batch_queue(self.queue.as_ptr(), wait_ms, self.taken.as_mut_ptr(), max);
            self.taken.set_len(usize::try_from(count).unwrap_or(0));
        }
    }

    /// The next message in hand.
    pub(super) fn pop(&mut self) -> Option<Message> {
        let raw = *self.taken.get(self.next)?;
        self.next += 1;
        NonNull::new(raw).map(Message)
    }

    /// Drops what is in hand of partitions that are to be read again or have gone.
    pub(super) fn forget(&mut self, gone: impl Fn(&Message) -> bool) {
        let mut kept = self.next;
        for at in self.next..self.taken.len() {
            let Some(message) = NonNull::new(self.taken[at]).map(Message) else { continue };
            if !gone(&message) {
                self.taken[kept] = message.0.as_ptr();
                kept += 1;
                mem::forget(message);
            }
        }
        self.taken.truncate(kept);
    }
}

impl Drop for Messages {
    fn drop(&mut self) {
        loop {
            while self.pop().is_some() {}
            self.call(TAKE_MAX, 0);
            if self.taken.is_empty() {
                break;
            }
        }
        // SAFETY: made by `new`, destroyed once; no message of it is left.
        unsafe { rd::rd_kafka_queue_destroy(self.queue.as_ptr()) };
    }
}

/// A fetched message; its bytes are in librdkafka's fetch buffer until it is dropped.
pub(super) struct Message(NonNull<rd::rd_kafka_message_t>);

impl Message {
    fn raw(&self) -> &rd::rd_kafka_message_t {
        // SAFETY: the message is ours until it is dropped, and nobody writes to it.
        unsafe { self.0.as_ref() }
    }

    /// The error it stands for, if it is no record.
    pub(super) fn error(&self) -> Option<RDKafkaErrorCode> {
        let code = self.raw().err;
        (code != rd::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR).then(|| code.into())
    }

    /// A number that is the same for all messages of a topic.
    pub(super) fn topic_handle(&self) -> usize {
        self.raw().rkt as usize
    }

    pub(super) fn topic(&self) -> &str {
        if self.raw().rkt.is_null() {
            return "";
        }
        // SAFETY: the handle lives as long as the message, and the name as long as the handle.
        unsafe { CStr::from_ptr(rd::rd_kafka_topic_name(self.raw().rkt)) }.to_str().unwrap_or_default()
    }

    pub(super) fn partition(&self) -> i32 {
        self.raw().partition
    }

    pub(super) fn offset(&self) -> i64 {
        self.raw().offset
    }

    /// Milliseconds since the epoch; -1 when there is none.
    pub(super) fn timestamp(&self) -> i64 {
        let mut kind = rd::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
        // SAFETY: a valid message and a valid place for the kind.
        unsafe { rd::rd_kafka_message_timestamp(self.0.as_ptr(), &mut kind) }
    }

    pub(super) fn key(&self) -> Option<&[u8]> {
        bytes(self.raw().key, self.raw().key_len)
    }

    pub(super) fn value(&self) -> Option<&[u8]> {
        bytes(self.raw().payload, self.raw().len)
    }

    pub(super) fn headers(&self) -> HeaderIter<'_> {
        let mut headers = ptr::null_mut();
        // SAFETY: a valid message and a valid place for the list, which is the message's and lives as long.
        let code = unsafe { rd::rd_kafka_message_headers(self.0.as_ptr(), &mut headers) };
        let headers = if code == rd::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR { headers } else { ptr::null_mut() };
        HeaderIter { headers, at: 0, message: PhantomData }
    }
}

impl Drop for Message {
    fn drop(&mut self) {
        // SAFETY: owned, destroyed once.
        unsafe { rd::rd_kafka_message_destroy(self.0.as_ptr()) };
    }
}

/// The bytes at `start`, `None` where there are none (not: zero of them).
fn bytes<'a>(start: *const c_void, length: usize) -> Option<&'a [u8]> {
    if start.is_null() {
        return None;
    }
    if length == 0 {
        return Some(&[]);
    }
    // SAFETY: the callers pass pointer and length of one of librdkafka's fields and bind the result to that field's owner.
    Some(unsafe { slice::from_raw_parts(start.cast(), length) })
}

/// Headers of a message, in order.
pub(super) struct HeaderIter<'a> {
    headers: *mut rd::rd_kafka_headers_t,
    at: usize,
    message: PhantomData<&'a Message>,
}

impl<'a> Iterator for HeaderIter<'a> {
    type Item = (&'a [u8], Option<&'a [u8]>);

    fn next(&mut self) -> Option<Self::Item> {
        if self.headers.is_null() {
            return None;
        }
        let (mut name, mut value, mut size) = (ptr::null(), ptr::null(), 0);
        // SAFETY: the list lives as long as the message, which is borrowed for 'a; the results point into it, and are written
        // only where the call succeeds.
        let name = unsafe {
            let code = rd::rd_kafka_header_get_all(self.headers, self.at, &mut name, &mut value, &mut size);
            if code != rd::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
                return None;
            }
            CStr::from_ptr(name).to_bytes()
        };
        self.at += 1;
        Some((name, bytes(value, size)))
    }
}

/// A topic that a producer writes to: looked up once, not for every record.
pub(super) struct Topic {
    handle: NonNull<rd::rd_kafka_topic_t>,
    // Declared last, dropped last: the handle is the producer's.
    producer: Arc<BaseProducer<Deliveries>>,
}

// SAFETY: librdkafka's topic handles belong to no thread.
unsafe impl Send for Topic {}

impl Topic {
    pub(super) fn new(producer: &Arc<BaseProducer<Deliveries>>, name: &str) -> Option<Self> {
        let name = CString::new(name).ok()?;
        // SAFETY: the client lives as long as `producer`, which is kept; no configuration means the client's default.
        let handle = unsafe { rd::rd_kafka_topic_new(producer.client().native_ptr(), name.as_ptr(), ptr::null_mut()) };
        Some(Self { handle: NonNull::new(handle)?, producer: Arc::clone(producer) })
    }

    /// Queues a record; its bytes are copied. `timestamp` 0 is now, `partition` -1 is the partitioner's choice.
    pub(super) fn produce(
        &self,
        partition: i32,
        timestamp: i64,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &Headers<'_>,
    ) -> Result<(), RDKafkaErrorCode> {
        use rd::rd_kafka_vtype_t as Kind;
        let list = if headers.is_empty() { ptr::null_mut() } else { native_headers(headers) };
        let arguments = [
            argument(Kind::RD_KAFKA_VTYPE_RKT, Value { rkt: self.handle.as_ptr() }),
            argument(Kind::RD_KAFKA_VTYPE_PARTITION, Value { i32_: partition }),
            argument(Kind::RD_KAFKA_VTYPE_MSGFLAGS, Value { i: rd::RD_KAFKA_MSG_F_COPY }),
            argument(Kind::RD_KAFKA_VTYPE_VALUE, Value { mem: memory(value) }),
            argument(Kind::RD_KAFKA_VTYPE_KEY, Value { mem: memory(key) }),
            argument(Kind::RD_KAFKA_VTYPE_TIMESTAMP, Value { i64_: timestamp }),
            argument(Kind::RD_KAFKA_VTYPE_HEADERS, Value { headers: list }),
        ];
        // SAFETY: every argument has the member of the union that its kind names; the bytes are copied before the call returns
        // (MSG_F_COPY); topic and client live.
        let error = unsafe { rd::rd_kafka_produceva(self.producer.client().native_ptr(), arguments.as_ptr(), arguments.len()) };
        if error.is_null() {
            return Ok(());
        }
        // SAFETY: the error is ours and destroyed once; after a failure the headers are still ours, too.
        unsafe {
            let code = rd::rd_kafka_error_code(error).into();
            rd::rd_kafka_error_destroy(error);
            if !list.is_null() {
                rd::rd_kafka_headers_destroy(list);
            }
            Err(code)
        }
    }
}

impl Drop for Topic {
    fn drop(&mut self) {
        // SAFETY: made by `new`, destroyed once, before the producer.
        unsafe { rd::rd_kafka_topic_destroy(self.handle.as_ptr()) };
    }
}

type Value = rd::rd_kafka_vu_s__bindgen_ty_1;

fn argument(kind: rd::rd_kafka_vtype_t, value: Value) -> rd::rd_kafka_vu_t {
    rd::rd_kafka_vu_t { vtype: kind, u: value }
}

fn memory(bytes: Option<&[u8]>) -> rd::rd_kafka_vu_s__bindgen_ty_1__bindgen_ty_1 {
    let (start, size) = bytes.map_or((ptr::null(), 0), |bytes| (bytes.as_ptr(), bytes.len()));
    rd::rd_kafka_vu_s__bindgen_ty_1__bindgen_ty_1 { ptr: start.cast_mut().cast(), size }
}

fn native_headers(headers: &Headers<'_>) -> *mut rd::rd_kafka_headers_t {
    // SAFETY: a new list; names and values are copied into it with their lengths.
    unsafe {
        let list = rd::rd_kafka_headers_new(headers.len());
        headers.for_each(|name, value| {
            let (start, size) = value.map_or((ptr::null(), 0), |value| (value.as_ptr(), value.len() as isize));
            rd::rd_kafka_header_add(list, name.as_ptr().cast(), name.len() as isize, start.cast(), size);
        });
        list
    }
}

/// Generation and member id of a group's member at one moment: what is checked is what is sent.
pub(super) struct Identity(NonNull<rd::rd_kafka_consumer_group_metadata_t>);

impl Identity {
    pub(super) fn of(consumer: &BaseConsumer<Rebalances>) -> Option<Self> {
        // SAFETY: the client lives as long as `consumer`; the result is ours.
        NonNull::new(unsafe { rd::rd_kafka_consumer_group_metadata(consumer.client().native_ptr()) }).map(Self)
    }

    pub(super) fn generation(&self) -> i32 {
        // SAFETY: owned and valid.
        unsafe { rd::rd_kafka_consumer_group_metadata_generation_id(self.0.as_ptr()) }
    }

    pub(super) fn member(&self) -> &str {
        // SAFETY: owned and valid; the text lives as long.
        let text = unsafe { rd::rd_kafka_consumer_group_metadata_member_id(self.0.as_ptr()) };
        if text.is_null() {
            return "";
        }
        // SAFETY: a C string that lives as long as the metadata.
        unsafe { CStr::from_ptr(text) }.to_str().unwrap_or_default()
    }

    /// Makes offsets part of the producer's open transaction, under this identity.
    pub(super) fn send_offsets(
        &self,
        producer: &BaseProducer<Deliveries>,
        offsets: &TopicPartitionList,
        wait: Duration,
    ) -> Result<(), Failure> {
        let ms = i32::try_from(wait.as_millis()).unwrap_or(i32::MAX);
        // SAFETY: producer, list and identity live for the call, which keeps none of them.
        let error = unsafe {
            rd::rd_kafka_send_offsets_to_transaction(producer.client().native_ptr(), offsets.ptr(), self.0.as_ptr(), ms)
        };
        if error.is_null() { Ok(()) } else { Err(failure(error)) }
    }
}

impl Drop for Identity {
    fn drop(&mut self) {
        // SAFETY: owned, destroyed once.
        unsafe { rd::rd_kafka_consumer_group_metadata_destroy(self.0.as_ptr()) };
    }
}

/// Reads an error and destroys it.
fn failure(error: *mut rd::rd_kafka_error_t) -> Failure {
    // SAFETY: the error is the caller's, not null, read before it is destroyed, and destroyed once.
    unsafe {
        let failure = Failure {
            code: rd::rd_kafka_error_code(error).into(),
            text: CStr::from_ptr(rd::rd_kafka_error_string(error)).to_string_lossy().into_owned(),
            retriable: rd::rd_kafka_error_is_retriable(error) != 0,
            abort: rd::rd_kafka_error_txn_requires_abort(error) != 0,
            fatal: rd::rd_kafka_error_is_fatal(error) != 0,
        };
        rd::rd_kafka_error_destroy(error);
        failure
    }
}

/// Lets a client say what it has queued: of one that nobody polls, errors such as a refused password are not heard otherwise.
pub(super) fn serve(client: &Client<Plain>) {
    // SAFETY: the client lives for the call, which calls back into its context on this thread.
    while unsafe { rd::rd_kafka_poll(client.native_ptr(), 0) } > 0 {}
}

/// What a user may have rights on.
#[derive(Debug, Clone, Copy)]
pub(super) enum Resource<'a> {
    Topic(&'a str),
    Group(&'a str),
}

/// Asks for the operations that the user may do, as numbers of Kafka's protocol: 3 read, 4 write, 8 describe, ..
pub(super) fn rights(client: &Client<Plain>, of: Resource<'_>, wait: Duration) -> Result<Vec<i32>, Failure> {
    let (name, api) = match of {
        Resource::Topic(name) => (name, rd::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS),
        Resource::Group(name) => (name, rd::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS),
    };
    let name = CString::new(name).map_err(|_| plain_failure(RDKafkaErrorCode::InvalidArgument))?;
    let mut names = [name.as_ptr()];
    let ms = i32::try_from(wait.as_millis()).unwrap_or(i32::MAX);
    let rk = client.native_ptr();
    // SAFETY: the client lives for the call. Options, collection and queue are made here and destroyed once; the request copies
    // what it needs of them. An answer that comes after the queue is gone is dropped by librdkafka.
    unsafe {
        let queue = rd::rd_kafka_queue_new(rk);
        let options = rd::rd_kafka_AdminOptions_new(rk, api);
        rd::rd_kafka_AdminOptions_set_request_timeout(options, ms, ptr::null_mut(), 0);
        let refused = rd::rd_kafka_AdminOptions_set_include_authorized_operations(options, 1);
        if !refused.is_null() {
            rd::rd_kafka_error_destroy(refused);
        }
        match of {
            Resource::Topic(_) => {
                let topics = rd::rd_kafka_TopicCollection_of_topic_names(names.as_mut_ptr(), names.len());
                rd::rd_kafka_DescribeTopics(rk, topics, options, queue);
                rd::rd_kafka_TopicCollection_destroy(topics);
            }
            Resource::Group(_) => rd::rd_kafka_DescribeConsumerGroups(rk, names.as_mut_ptr(), names.len(), options, queue),
        }
        rd::rd_kafka_AdminOptions_destroy(options);
        let event = rd::rd_kafka_queue_poll(queue, ms.saturating_add(1000));
        let answer = if event.is_null() { Err(plain_failure(RDKafkaErrorCode::OperationTimedOut)) } else { described(event) };
        rd::rd_kafka_event_destroy(event);
        rd::rd_kafka_queue_destroy(queue);
        answer
    }
}

fn plain_failure(code: RDKafkaErrorCode) -> Failure {
    Failure { code, text: code.to_string(), retriable: false, abort: false, fatal: false }
}

/// Reads the answer about the one resource that was asked for.
///
/// # Safety
/// `event` is a valid event, and outlives the call.
unsafe fn described(event: *mut rd::rd_kafka_event_t) -> Result<Vec<i32>, Failure> {
    let (mut count, mut operations_count) = (0, 0);
    // SAFETY: what is read belongs to the event. Each getter returns null where the event is of another kind, and arrays are
    // read within the length that comes with them.
    unsafe {
        let code = rd::rd_kafka_event_error(event);
        if code != rd::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
            return Err(plain_failure(code.into()));
        }
        let topics = rd::rd_kafka_event_DescribeTopics_result(event);
        let groups = rd::rd_kafka_event_DescribeConsumerGroups_result(event);
        let (error, operations) = if !topics.is_null() {
            let all = rd::rd_kafka_DescribeTopics_result_topics(topics, &raw mut count);
            if count == 0 {
                return Err(plain_failure(RDKafkaErrorCode::UnknownTopicOrPartition));
            }
            let operations = rd::rd_kafka_TopicDescription_authorized_operations(*all, &raw mut operations_count);
            (rd::rd_kafka_TopicDescription_error(*all), operations)
        } else if !groups.is_null() {
            let all = rd::rd_kafka_DescribeConsumerGroups_result_groups(groups, &raw mut count);
            if count == 0 {
                return Err(plain_failure(RDKafkaErrorCode::GroupIdNotFound));
            }
            let operations = rd::rd_kafka_ConsumerGroupDescription_authorized_operations(*all, &raw mut operations_count);
            (rd::rd_kafka_ConsumerGroupDescription_error(*all), operations)
        } else {
            return Err(plain_failure(RDKafkaErrorCode::BadMessage));
        };
        if !error.is_null() && rd::rd_kafka_error_code(error) != rd::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
            return Err(plain_failure(rd::rd_kafka_error_code(error).into()));
        }
        if operations.is_null() {
            return Ok(Vec::new());
        }
        // As numbers: a broker may know operations that the enum does not.
        Ok(slice::from_raw_parts(operations.cast::<i32>(), operations_count).to_vec())
    }
}
