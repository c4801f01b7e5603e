//! Models that are made to hurt: each is refused within its bounds, in words, and nothing panics.
#![cfg(feature = "tensorflow")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "build/archive.rs"]
mod archive;
#[path = "build/wire.rs"]
mod wire;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use archive::{bomb, tar, zip};
use sandstream_graphs::tensorflow::{self, Archive, Directory, Folder, Options};
use sandstream_graphs::{Bounds, Graph, Refused};

fn frozen(bytes: &[u8]) -> Result<Arc<dyn Graph>, Refused> {
    tensorflow::frozen(bytes, &Options::default(), &Bounds::default())
}

/// A graph that needs what `nodes` make as `y`, beside its input `x`.
fn needs(nodes: &[Vec<u8>]) -> Vec<u8> {
    let mut all = vec![wire::input(&[-1, 4])];
    all.extend_from_slice(nodes);
    wire::graph(&all)
}

#[test]
fn graphs_are_refused_in_words() {
    use wire::{call, floats, function, function_attribute, graph, input, integers, node, truth};
    let big = 10_000_000_000;
    let plus = |y: &str| node("out", "AddV2", &["x", y], &[]);
    let deep: Vec<u8> =
        (0..40).flat_map(|at| function(&format!("f{at}"), &[call("n", "a", &format!("f{}", at + 1))], "n:output:0")).collect();
    let wide: Vec<u8> = (0..14)
        .flat_map(|at| {
            let next = format!("f{}", at + 1);
            let nodes: Vec<_> = (0..8)
                .map(|n| call(&format!("n{n}"), &if n == 0 { "a".to_owned() } else { format!("n{}:output:0", n - 1) }, &next))
                .collect();
            function(&format!("f{at}"), &nodes, "n7:output:0")
        })
        .chain(function("f14", &[], "a"))
        .collect();
    let endless = [function("cond", &[truth("yes")], "yes:output:0"), function("body", &[], "a")].concat();
    let repeat = node("out", "StatelessWhile", &["x"], &[function_attribute("cond", "cond"), function_attribute("body", "body")]);
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("nothing", Vec::new(), "none of its 0 nodes is an output"),
        ("noise", vec![0xff; 64], "GraphDef"),
        ("no input", graph(&[floats("c", &[2]), node("out", "Relu", &["c"], &[])]), "no inputs"),
        (
            "a cycle",
            needs(&[node("a", "Relu", &["b"], &[]), node("b", "Relu", &["a"], &[]), node("out", "AddV2", &["x", "a"], &[])]),
            "cycles",
        ),
        ("its own input", needs(&[node("a", "AddV2", &["x", "a"], &[]), node("out", "Relu", &["a"], &[])]), "cycles"),
        ("a missing node", needs(&[node("out", "Relu", &["nowhere"], &[])]), "`nowhere` is no node"),
        (
            "two of a name",
            needs(&[node("out", "Relu", &["x"], &[]), node("out", "Relu", &["x"], &[])]),
            "two nodes are called `out`",
        ),
        ("an unknown operator", needs(&[node("out", "PyFunc", &["x"], &[])]), "operator PyFunc of node `out`"),
        ("a loop of TensorFlow 1", needs(&[node("out", "Enter", &["x"], &[])]), "operator Enter of node `out`: loops"),
        ("random numbers", needs(&[node("out", "RandomUniform", &["x"], &[])]), "random"),
        ("wide rows", graph(&[input(&[-1, big]), node("out", "Relu", &["x"], &[])]), "at most"),
        ("overflowing rows", graph(&[input(&[-1, i64::MAX, i64::MAX]), node("out", "Relu", &["x"], &[])]), "at most"),
        ("negative rows", graph(&[input(&[-1, -7]), node("out", "Relu", &["x"], &[])]), "a dimension is -7"),
        ("open rows", graph(&[input(&[-1, -1]), node("out", "Relu", &["x"], &[])]), "give them in the signature"),
        ("fixed rows", graph(&[input(&[7, 4]), node("out", "Relu", &["x"], &[])]), "has to be the rows"),
        ("a large constant", needs(&[floats("c", &[1_000_000, 1_000_000]), plus("c")]), "has more than"),
        ("an overflowing constant", needs(&[floats("c", &[i64::MAX, i64::MAX]), plus("c")]), "has more than"),
        (
            "a range from nothing",
            needs(&[floats("a", &[0]), floats("b", &[]), node("f", "Range", &["a", "b", "b"], &[]), plus("f")]),
            "one value, it has 0",
        ),
        ("a constant of nothing times 2^80", needs(&[floats("c", &[0, 1 << 40, 1 << 40]), plus("c")]), "has more than"),
        ("rows of nothing times 2^80", graph(&[input(&[-1, 0, 1 << 40, 1 << 40]), node("out", "Relu", &["x"], &[])]), "at most"),
        ("a negative constant", needs(&[floats("c", &[-3]), plus("c")]), "negative dimension"),
        (
            "a large fill",
            needs(&[integers("d", &[2], &[big, 1]), floats("v", &[]), node("f", "Fill", &["d", "v"], &[]), plus("f")]),
            "at most",
        ),
        (
            "a negative fill",
            needs(&[integers("d", &[1], &[-2]), floats("v", &[]), node("f", "Fill", &["d", "v"], &[]), plus("f")]),
            "a dimension is -2",
        ),
        (
            "a large tile",
            needs(&[floats("c", &[4]), integers("d", &[1], &[big]), node("f", "Tile", &["c", "d"], &[]), plus("f")]),
            "at most",
        ),
        (
            "a large range",
            needs(&[
                integers("a", &[], &[0]),
                integers("b", &[], &[big]),
                integers("c", &[], &[1]),
                node("f", "Range", &["a", "b", "c"], &[]),
                plus("f"),
            ]),
            "at most",
        ),
        (
            "a large border",
            needs(&[integers("d", &[2, 2], &[0, 0, 0, big]), node("out", "Pad", &["x", "d"], &[])]),
            "too much is added",
        ),
        (
            "a large one-hot",
            needs(&[
                integers("i", &[1], &[0]),
                integers("d", &[], &[big]),
                floats("v", &[]),
                node("f", "OneHot", &["i", "d", "v", "v"], &[]),
                plus("f"),
            ]),
            "a depth of",
        ),
        ("another shape", needs(&[integers("d", &[2], &[-1, 3]), node("out", "Reshape", &["x", "d"], &[])]), "Reshape"),
        ("rows reduced", needs(&[integers("d", &[1], &[0]), node("out", "Sum", &["x", "d"], &[])]), "over the rows"),
        ("a sum that does not fit", needs(&[floats("c", &[5]), plus("c")]), "do not fit each other"),
        ("too few inputs", needs(&[node("out", "AddV2", &["x"], &[])]), "2 inputs are expected, it has 1"),
        ("a missing function", needs(&[call("out", "x", "nowhere")]), "no function `nowhere`"),
        ("functions too deep", [needs(&[call("out", "x", "f0")]), deep].concat(), "functions within each other"),
        (
            "a function in itself",
            [needs(&[call("out", "x", "f")]), function("f", &[call("n", "a", "f")], "n:output:0")].concat(),
            "functions within each other",
        ),
        ("functions that multiply", [needs(&[call("out", "x", "f0")]), wide].concat(), "number of nodes"),
        ("a loop without an end", [needs(&[repeat]), endless].concat(), "each turn of a loop"),
    ];
    let mut wrong = Vec::new();
    for (name, bytes, says) in cases {
        match frozen(&bytes) {
            Ok(graph) => wrong.push(format!("{name} is accepted: {:?}", graph.outputs())),
            Err(refused) if refused.to_string().contains("panicked") => wrong.push(format!("{name}: {refused}")),
            Err(refused) if refused.to_string().contains(says) => {}
            Err(refused) => wrong.push(format!("{name}: `{says}` is expected, it says: {refused}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What is small in a file and large in memory or time, under bounds that it soon reaches.
#[test]
fn what_adds_up_is_refused() {
    use wire::{attribute, call, function, input, integers, node, number, part, shape};
    let bounds = Bounds { elements: 1 << 16, weights: 1 << 20, ..Bounds::default() };
    let plus = |at: usize, y: &str| {
        node(&format!("y{at}"), "AddV2", &[&if at == 0 { "x".to_owned() } else { format!("y{}", at - 1) }, y], &[])
    };
    let constants: Vec<_> =
        (0..40).flat_map(|at| [wire::floats(&format!("c{at}"), &[1 << 13, 4]), plus(at, &format!("c{at}"))]).collect();
    let texts = [number(1, 7), part(2, shape(&[1 << 16]))].concat();
    let texts = node("c", "Const", &[], &[attribute("dtype", number(6, 7)), attribute("value", part(8, texts))]);
    let dtype = attribute("element_dtype", number(6, 1));
    let mut lists = vec![
        integers("count", &[], &[50_000]),
        integers("item", &[1], &[4]),
        node("l0", "TensorListReserve", &["item", "count"], &[dtype]),
        integers("first", &[], &[0]),
    ];
    lists
        .extend((0..1_000).map(|at| node(&format!("l{}", at + 1), "TensorListSetItem", &[&format!("l{at}"), "first", "x"], &[])));
    lists.push(node("y", "TensorListGetItem", &["l1000", "first", "item"], &[]));
    let inputs: Vec<_> = (0..90_000)
        .map(|at| node(&format!("p{at}"), "Placeholder", &[], &[attribute("dtype", number(6, 1))]))
        .chain([node("y", "AddV2", &["p0", "p1"], &[])])
        .collect();
    // Nodes that change no variable, which a call once looked through each time; as many calls as there may be.
    let body: Vec<_> = (0..50_000).map(|at| node(&format!("n{at}"), "NoOp", &[], &[])).collect();
    let calls: Vec<_> = (0..49_000)
        .map(|at| call(&format!("c{at}"), &if at == 0 { "x".to_owned() } else { format!("c{}", at - 1) }, "f"))
        .collect();
    let calls = [needs(&calls), function("f", &body, "a")].concat();
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("constants of one value each", needs(&constants), "bytes of all constants"),
        ("texts that are nothing", needs(&[texts, node("y", "AddV2", &["x", "c"], &[])]), "bytes of all constants"),
        ("lists that are changed", needs(&lists), "items of all lists"),
        ("inputs without a shape", wire::graph(&inputs), "does not say its dimensions"),
        ("too many nodes", needs(&vec![input(&[-1]); 100_001]), "number of nodes"),
    ];
    for (name, bytes, says) in cases {
        let began = Instant::now();
        let refused =
            tensorflow::frozen(&bytes, &Options::default(), &bounds).err().unwrap_or_else(|| panic!("{name}: is accepted"));
        assert!(refused.to_string().contains(says), "{name}: `{says}` is expected, it says: {refused}");
        assert!(began.elapsed() < Duration::from_secs(5), "{name}: took {:?}", began.elapsed());
    }
    let began = Instant::now();
    let _verdict = frozen(&calls);
    assert!(began.elapsed() < Duration::from_secs(5), "calls: took {:?}", began.elapsed());
}

#[test]
fn a_long_chain_is_walked_without_a_deep_stack() {
    let mut nodes = vec![wire::input(&[-1, 4])];
    nodes.extend((0..80_000).map(|at| {
        wire::node(&format!("n{at}"), "Identity", &[&if at == 0 { "x".to_owned() } else { format!("n{}", at - 1) }], &[])
    }));
    nodes.push(wire::node("out", "Relu", &["n79999"], &[]));
    let graph = frozen(&wire::graph(&nodes)).unwrap();
    assert_eq!(graph.outputs()[0].name, "out");
    let bounds = Bounds { nodes: 1_000, ..Bounds::default() };
    let refused = tensorflow::frozen(&wire::graph(&nodes), &Options::default(), &bounds).err().unwrap();
    assert!(refused.to_string().contains("number of nodes"), "{refused}");
}

#[test]
fn a_graph_that_is_cut_off_is_refused() {
    let bytes = needs(&[wire::floats("c", &[4]), wire::node("out", "AddV2", &["x", "c"], &[])]);
    assert!(frozen(&bytes).is_ok());
    for length in 0..bytes.len() {
        if let Ok(graph) = frozen(&bytes[..length]) {
            panic!("{length} of {} bytes are accepted: {:?}", bytes.len(), graph.outputs());
        }
    }
}

/// Files in memory.
#[derive(Clone)]
struct Memory(BTreeMap<String, Vec<u8>>);

impl Folder for Memory {
    fn read(&self, name: &str, _: u64) -> Result<Option<Vec<u8>>, Refused> {
        Ok(self.0.get(name).cloned())
    }
}

const INDEX: &str = "variables/variables.index";
const DATA: &str = "variables/variables.data-00000-of-00001";

fn fixture(name: &str) -> Memory {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/tensorflow").join(name);
    let archive = Archive::open(&fs::read(path).unwrap(), &Bounds::default()).unwrap();
    let names = ["saved_model.pb", INDEX, DATA];
    Memory(names.into_iter().map(|name| (name.to_owned(), archive.read(name, u64::MAX).unwrap().unwrap())).collect())
}

fn saved(folder: &Memory) -> Result<Arc<dyn Graph>, Refused> {
    tensorflow::saved_model(folder, &Options::default(), &Bounds::default())
}

fn refusal(folder: &Memory) -> String {
    saved(folder).err().expect("it is accepted").to_string()
}

#[test]
fn bundles_that_were_changed_are_refused() {
    let model = fixture("mlp.zip");
    assert!(saved(&model).is_ok());
    let changed = |name: &str, change: &dyn Fn(&mut Vec<u8>)| {
        let mut model = model.clone();
        change(model.0.get_mut(name).unwrap());
        model
    };
    // What no variable is made of is not read.
    let length = model.0[DATA].len();
    let found = (0..length).step_by(61).filter_map(|at| saved(&changed(DATA, &|data| data[at] ^= 1)).err());
    let found: Vec<String> = found.map(|refused| refused.to_string()).collect();
    assert!(!found.is_empty() && found.iter().all(|refused| refused.contains("checksum")), "{found:?}");
    assert!(refusal(&changed(DATA, &|data| data.truncate(20))).contains("cut off"));
    assert!(refusal(&changed(INDEX, &|index| index[3] ^= 1)).contains("checksum"));
    assert!(refusal(&changed(INDEX, &|index| index.truncate(60))).contains("variables.index"));
    let mut missing = model.clone();
    missing.0.remove(DATA);
    assert!(refusal(&missing).contains("the file is missing"));
    missing.0.remove(INDEX);
    assert!(refusal(&missing).contains("has no stored value"));
    let length = model.0[INDEX].len();
    for at in (0..length).step_by(7) {
        // The footer has bytes that mean nothing; whatever else is changed is found, and nothing panics.
        let _ = saved(&changed(INDEX, &|index| index[at] ^= 0x55));
        assert!(saved(&changed(INDEX, &|index| index.truncate(at))).is_err());
    }
    let length = model.0["saved_model.pb"].len();
    for at in (0..length).step_by(length / 40) {
        let refused = saved(&changed("saved_model.pb", &|bytes| bytes.truncate(at)));
        assert!(refused.is_err_and(|refused| !refused.to_string().contains("panicked")), "cut at {at}");
        if let Err(refused) = saved(&changed("saved_model.pb", &|bytes| bytes[at] ^= 0x15)) {
            assert!(!refused.to_string().contains("panicked"), "changed at {at}: {refused}");
        }
    }
}

#[test]
fn what_is_not_there_is_said_with_what_is() {
    let model = fixture("mlp.zip");
    let with = |options: Options| tensorflow::saved_model(&model, &options, &Bounds::default()).err().unwrap().to_string();
    let message = with(Options { tags: vec!["train".to_owned()], ..Options::default() });
    assert!(message.contains("[train]") && message.contains("[serve]"), "{message}");
    let message = with(Options { signature: Some("predict".to_owned()), ..Options::default() });
    assert!(message.contains("no signature `predict`") && message.contains("`serving_default`"), "{message}");
    let message = with(Options { shapes: BTreeMap::from([("image".to_owned(), vec![1])]), ..Options::default() });
    assert!(message.contains("`image`") && message.contains("the model's inputs are"), "{message}");
    let text = |text: &str| refusal(&Memory(BTreeMap::from([("saved_model.pbtxt".to_owned(), text.as_bytes().to_vec())])));
    assert!(refusal(&Memory(BTreeMap::new())).contains("saved_model.pbtxt"));
    assert!(text("meta_graphs {").contains("line 1: a message is not closed"));
    assert!(text("meta_graphs {\n  graph_def { node { name: \"a } } }").contains("line 2: a text is not closed"));
    assert!(text(&"unknown { ".repeat(100_000)).contains("deep"));
    assert!(text("meta_graphs: 3").contains("is not what this field takes"));
    assert!(text("").contains("those that are there have none"));
}

#[test]
fn archives_keep_to_themselves() {
    let bounds = Bounds { weights: 1_000, ..Bounds::default() };
    let model = b"".as_slice();
    assert!(Archive::open(&zip("saved_model.pb", model), &bounds).is_ok());
    assert!(Archive::open(&zip("wine/saved_model.pb", model), &bounds).is_ok());
    assert!(Archive::open(&tar("saved_model.pb", b'0', model), &bounds).is_ok());
    assert!(Archive::open(&tar("./wine/saved_model.pb", b'0', model), &bounds).is_ok());
    let name = "saved_model.pb";
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (zip("../saved_model.pb", model), "must not leave its folder"),
        (zip("a/../../saved_model.pb", model), "must not leave its folder"),
        (zip("/saved_model.pb", model), "must not leave its folder"),
        (zip("C:/saved_model.pb", model), "a plain relative name"),
        (zip("..\\saved_model.pb", model), "a plain relative name"),
        (zip("a/b/saved_model.pb", model), "at its top or in one folder"),
        (zip(name, &[7; 2_000]), "unpacked is 1001, at most 1000"),
        (bomb(name, 64), "unpacked is 1001, at most 1000"),
        (zip(name, &[7; 100])[..60].to_vec(), "zip archive"),
        (b"PK".to_vec(), "zip archive"),
        (tar("../saved_model.pb", b'0', model), "must not leave its folder"),
        (tar("/saved_model.pb", b'0', model), "must not leave its folder"),
        (tar(name, b'2', model), "a Symlink"),
        (tar(name, b'1', model), "a Link"),
        (tar(name, b'0', &[7; 2_000]), "unpacked is 1001, at most 1000"),
        (tar(name, b'0', &[7; 700])[..600].to_vec(), "tar archive"),
        (vec![9; 700], "a .zip or a .tar"),
        (Vec::new(), "a .zip or a .tar"),
    ];
    for (bytes, says) in cases {
        let refused =
            Archive::open(&bytes, &bounds).err().unwrap_or_else(|| panic!("`{says}` is expected, it is accepted")).to_string();
        assert!(refused.contains(says), "`{says}` is expected, it says: {refused}");
    }
}

#[test]
fn a_folder_keeps_to_itself() {
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("secret"), "s").unwrap();
    let inside = outside.path().join("model");
    fs::create_dir(&inside).unwrap();
    fs::write(inside.join("saved_model.pb"), "12345").unwrap();
    std::os::unix::fs::symlink("../secret", inside.join("link")).unwrap();
    let folder = Directory::open(&inside).unwrap();
    assert_eq!(folder.read("saved_model.pb", 5).unwrap().unwrap(), b"12345");
    assert!(folder.read("saved_model.pb", 4).unwrap_err().to_string().contains("at most 4"));
    assert!(folder.read("nothing", 5).unwrap().is_none());
    for name in ["../secret", "/etc/hostname", "link", ""] {
        assert!(folder.read(name, 5).is_err(), "{name}");
    }
    assert!(Directory::open(&outside.path().join("nowhere")).is_err());
}
