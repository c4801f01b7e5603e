//! Who coordinates what: the one node coordinates all.

use kafka_protocol::messages::find_coordinator_response::Coordinator;
use kafka_protocol::messages::{FindCoordinatorRequest, FindCoordinatorResponse};

use super::{Call, NODE, text};

pub(super) fn find(call: &Call<'_>, request: FindCoordinatorRequest) -> FindCoordinatorResponse {
    let (host, port) = (text(call.broker.host()), call.broker.port());
    if call.version < 4 {
        return FindCoordinatorResponse::default().with_node_id(NODE).with_host(host).with_port(port);
    }
    let one = |key| Coordinator::default().with_key(key).with_node_id(NODE).with_host(host.clone()).with_port(port);
    FindCoordinatorResponse::default().with_coordinators(request.coordinator_keys.into_iter().map(one).collect())
}
