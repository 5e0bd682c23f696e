//! Head files and safetensors, among them some that `PyTorch` wrote (`tests/vectors/head/make.py`).

use std::{fs, path::PathBuf, process::Command};

use privet::{Dense, Head, Schema, cpu};
use privet_server::tensors::{Settings, export, import};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};

fn vector(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors/head").join(name);
    fs::read(&path).unwrap_or_else(|cause| panic!("{}: {cause}", path.display()))
}

fn settings() -> String {
    String::from_utf8(vector("settings.json")).expect("UTF-8")
}

fn numbers(bytes: &[u8], name: &str) -> Vec<f32> {
    let tensors = SafeTensors::deserialize(bytes).expect("a committed file");
    let bytes = tensors.tensor(name).expect("it is there").data().to_vec();
    bytes.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
}

fn starting() -> Head {
    let mut schema = Schema::plain(16);
    schema.dense.push(Dense { name: "age".into(), offset: 0.1, scale: 0.3 });
    let mut head = Head::starting(schema, 3, 4.7).expect("a plain schema");
    (head.eta, head.facts) = (0.3, "a “test”\nof two lines".into());
    head
}

/// A file of these tensors, all ones, with the settings of [`starting`].
fn file(tensors: &[(&str, &[usize], Dtype)], number: &[u8]) -> Vec<u8> {
    let bytes: Vec<Vec<u8>> = tensors.iter().map(|(_, shape, _)| number.repeat(shape.iter().product())).collect();
    let views = tensors.iter().zip(&bytes).map(|(&(name, shape, dtype), bytes)| {
        (name, TensorView::new(dtype, shape.to_vec(), bytes).expect("as many bytes"))
    });
    let settings = serde_json::to_string(&Settings::of(&starting())).expect("plain data");
    let metadata = [("privet".to_owned(), settings)].into_iter().collect();
    safetensors::serialize(views, Some(metadata)).expect("plain tensors")
}

const ONE: [u8; 4] = 1.0_f32.to_le_bytes();

/// The features of [`starting`].
fn f() -> usize {
    starting().shape(0, 0).f as usize
}

#[test]
fn what_pytorch_wrote_computes_here_what_it_computed_there() {
    let head = import(&vector("f32.safetensors"), None).expect("with settings in the metadata");
    assert_eq!((head.schema.kinds[2].name.as_str(), head.kappa, head.eta), ("dwell", 4.0, 0.7));
    assert_eq!((head.local.batch, head.upload.epochs, head.facts.as_str()), (8, 2, "made by PyTorch"));
    let vector = vector("forward.safetensors");
    let (x, expected) = (numbers(&vector, "x"), numbers(&vector, "s"));
    let shape = head.shape(expected.len() as u32, 1);
    let (mut z, mut s) = (vec![0.0; expected.len() * shape.h as usize], vec![0.0; expected.len()]);
    cpu::forward(shape, &x, head.parameters(), &mut z, &mut s);
    assert!(z.iter().any(|&z| z > 0.0) && z.contains(&0.0), "units of both kinds: {z:?}");
    for (s, expected) in s.iter().zip(&expected) {
        assert!((s - expected).abs() < 1e-5, "{s}, PyTorch says {expected}");
    }
}

#[test]
fn less_and_more_precise_tensors_are_widened_and_rounded_as_pytorch_does() {
    for kind in ["f16", "bf16", "f64"] {
        let head = import(&vector(&format!("{kind}.safetensors")), Some(&settings())).expect("settings beside it");
        let wide = numbers(&vector(&format!("{kind}-wide.safetensors")), "wide");
        assert_eq!(head.parameters(), wide, "{kind}");
    }
}

#[test]
fn a_head_survives_export_and_import_to_the_byte() {
    let read = import(&vector("f32.safetensors"), None).expect("a committed file");
    for head in [starting(), read] {
        let back = import(&export(&head).expect("it can be written"), None).expect("our own bytes");
        assert_eq!(back.encode(), head.encode());
    }
    let tensors = export(&starting()).expect("it can be written");
    let tensors = SafeTensors::deserialize(&tensors).expect("our own bytes");
    assert_eq!(tensors.tensor("w1").expect("it is there").shape(), [f(), 3]);
}

#[test]
fn settings_beside_the_file_go_before_those_inside() {
    let mut other = Settings::of(&starting());
    other.kappa = 9.0;
    let text = serde_json::to_string(&other).expect("plain data");
    let tensors = export(&starting()).expect("it can be written");
    assert_eq!(import(&tensors, Some(&text)).expect("they fit").kappa, 9.0);
}

#[test]
fn what_cannot_be_a_head_is_refused_by_the_tensors_name_and_both_numbers() {
    let f = f();
    let fine = [
        ("skip", &[f][..], Dtype::F32),
        ("w1", &[f, 3], Dtype::F32),
        ("b1", &[3], Dtype::F32),
        ("w2", &[3], Dtype::F32),
    ];
    assert!(import(&file(&fine, &ONE), None).is_ok());
    let refused = |bytes: &[u8]| import(bytes, None).expect_err("odd");
    let with = |place: usize, tensor| {
        let mut tensors = fine;
        tensors[place] = tensor;
        refused(&file(&tensors, &ONE))
    };
    assert_eq!(refused(&file(&fine[..3], &ONE)), "tensor w2 is missing; there are 3: b1, skip, w1");
    assert_eq!(refused(&file(&fine[..2], &ONE)), "tensor b1 is missing; there are 2: skip, w1");
    let (turned, shorter) = ([3, f], [f - 1]);
    let wrong = format!("tensor w1 has the shape [3, {f}]; the schema and b1 want [{f}, 3]");
    assert_eq!(with(1, ("w1", &turned, Dtype::F32)), wrong);
    let short = format!("tensor skip has the shape [{}]; the schema and b1 want [{f}]", f - 1);
    assert_eq!(with(0, ("skip", &shorter, Dtype::F32)), short);
    assert_eq!(
        with(2, ("b1", &[3, 1], Dtype::F32)),
        "tensor b1 has the shape [3, 1]; one number of hidden units is wanted"
    );
    assert_eq!(with(3, ("w2", &[3], Dtype::I32)), "tensor w2 is of I32; F64, F32, F16 and BF16 are read");
    let many = with(2, ("b1", &[256], Dtype::F32));
    assert!(many.contains("over 4096 parameters (tensor b1 has 256 hidden units"), "{many}");
    let wide = with(2, ("b1", &[257], Dtype::F32));
    assert!(wide.contains("1 to 256 hidden units (tensor b1 has 257 hidden units"), "{wide}");
    let none = with(2, ("b1", &[0], Dtype::F32));
    assert!(none.contains("(tensor b1 has 0 hidden units"), "{none}");
    let nan = refused(&file(&fine, &f32::NAN.to_le_bytes()));
    assert_eq!(nan, format!("tensor skip holds NaN at 0 of {f}"));
    let mut more = fine.to_vec();
    more.push(("bias", &[1], Dtype::F32));
    assert_eq!(refused(&file(&more, &ONE)), "tensor bias is none of a head's: skip, w1, b1, w2");

    let huge: Vec<_> = fine.iter().map(|&(name, shape, _)| (name, shape, Dtype::F64)).collect();
    let huge = refused(&file(&huge, &1e300_f64.to_le_bytes()));
    assert_eq!(huge, format!("tensor skip holds inf at 0 of {f}"));
    let bytes = file(&fine, &ONE);
    for length in [0, 7, 100, bytes.len() - 1] {
        let cut = refused(&bytes[..length]);
        assert!(cut.starts_with("no safetensors: "), "{cut}");
    }
}

#[test]
fn odd_settings_are_refused_with_what_is_odd() {
    let tensors = vector("f64.safetensors");
    let refused = |settings: Option<&str>| import(&tensors, settings).expect_err("odd");
    assert_eq!(refused(None), "there are no settings, nor any in the metadata");
    assert!(refused(Some("{}")).starts_with("the settings: missing field `schema`"));
    let misspelt = settings().replace("\"kappa\"", "\"kapa\"");
    assert!(refused(Some(&misspelt)).contains("unknown field `kapa`"));
    let steep = settings().replace("\"eta\": 0.7", "\"eta\": 7");
    assert_eq!(refused(Some(&steep)), "the head is refused: eta is not between 0 and 4");
    let odd = settings().replace("\"rate\": 0.1,", "\"rate\": 1.1,");
    assert_eq!(refused(Some(&odd)), "the schema's attributes[0].rate has to be between 0 and 1");
    let other = settings().replace("\"hours\"", "\"\"");
    assert_eq!(refused(Some(&other)), "the schema's dense[0].name has to be 1 to 64 bytes long");
}

fn privet(words: &[&str]) -> Result<String, String> {
    let output = Command::new(env!("CARGO_BIN_EXE_privet")).args(words).output().expect("it runs");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
}

#[test]
fn the_command_imports_inspects_and_exports() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).to_str().expect("UTF-8").to_owned();
    fs::write(path("in"), vector("f16.safetensors")).expect("writable");
    fs::write(path("settings"), settings()).expect("writable");
    let hash =
        privet(&["head", "import", &path("in"), &path("head"), "--settings", &path("settings")]).expect("it fits");
    let bytes = fs::read(path("head")).expect("it was written");
    assert_eq!(hash.trim(), privet::hex(&Head::hash(&bytes)));

    let text = privet(&["head", "inspect", &path("head")]).expect("a head");
    for part in [hash.trim(), "embeddings of 16", "hours: (x - 12) / 24", "dwell: label 1", "w1 [19, 4]", "n / (n + 4)"]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
    let json: serde_json::Value =
        serde_json::from_str(&privet(&["head", "inspect", "--json", &path("head")]).expect("a head")).expect("JSON");
    assert_eq!((json["sha256"].as_str(), json["parameters"].as_u64()), (Some(hash.trim()), Some(103)));
    assert_eq!(json["tensors"]["b1"]["numbers"].as_array().map(Vec::len), Some(4));
    assert_eq!(json["settings"]["local"]["steps"], 8);

    privet(&["head", "export", &path("head"), &path("out")]).expect("a head");
    privet(&["head", "import", &path("out"), &path("again")]).expect("settings are inside");
    assert_eq!(fs::read(path("again")).expect("it was written"), bytes);

    let refused = privet(&["head", "import", &path("in"), &path("none")]).expect_err("no settings");
    assert!(refused.contains("there are no settings"), "{refused}");
    assert!(!folder.path().join("none").exists(), "nothing is written that is refused");
    assert!(privet(&["head", "inspect", &path("in")]).expect_err("no head").contains("malformed"));
}

#[test]
fn the_command_makes_a_head_to_start_from_and_the_demos_is_what_it_makes() {
    let folder = tempfile::tempdir().expect("a folder");
    let made = folder.path().join("head");
    let made = made.to_str().expect("UTF-8");
    let demo = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../demo/task");
    let settings = demo.join("settings.json");
    let settings = settings.to_str().expect("UTF-8");
    privet(&["head", "start", settings, made, "--hidden", "8"]).expect("plain settings");
    let bytes = fs::read(made).expect("it was written");
    assert!(bytes == fs::read(demo.join("first.head")).expect("it is committed"), "make first.head anew");
    let refused = privet(&["head", "start", settings, made, "--hidden", "0"]).expect_err("no units");
    assert!(refused.contains("1 to 256 hidden units"), "{refused}");
}
