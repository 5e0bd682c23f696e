//! The kernels as modules of their own: one for every browser of today, one for those that fuse product and sum.

use anyhow::{Context, Result};
use std::{fs, path::Path};

use super::{SIMD, WASM_FEATURES, file_size, module_tool, node_program};
use crate::{place::Place, setup::Machine};

/// Each by its name and the feature that it needs besides `simd128`.
const KERNELS: [(&str, &str); 2] = [("simd128", ""), ("relaxed", "relaxed-simd")];

/// Compiles both to `folder`.
pub(crate) fn kernels(place: &Place, machine: &Machine, folder: &Path) -> Result<()> {
    fs::create_dir_all(folder)?;
    for (name, feature) in KERNELS {
        let target = place.target.join("wasm-kernels").join(name);
        // The memory is the core's, which gives some of it to be the stack.
        let link = "-C link-arg=--import-memory -C link-arg=--export=__stack_pointer -C link-arg=-zstack-size=0";
        let feature = if feature.is_empty() { String::new() } else { format!(",+{feature}") };
        machine
            .wasm()?
            .cargo(&target, &format!("-C target-feature=+simd128{feature} {link}"))?
            .dir(&place.root.join("crate/kernels"))
            // The profile is for size, which costs a kernel its registers.
            .env("CARGO_PROFILE_WASM_OPT_LEVEL", "3")
            .args(["rustc", "--profile", "wasm", "--target", "wasm32-unknown-unknown", "--features", "module"])
            .args(["--crate-type", "cdylib"])
            .run()?;
        let made = target.join("wasm32-unknown-unknown/wasm/privet_kernels.wasm");
        let small = folder.join(format!("{name}.wasm"));
        let before = file_size(&made)?;
        node_program(place, "wasm-opt")
            .args(WASM_FEATURES.map(|feature| format!("--enable-{feature}")))
            .args([SIMD, "--enable-relaxed-simd", "-O3", "--strip-debug", "--strip-producers"])
            .arg(&made)
            .arg("--output")
            .arg(&small)
            .run()?;
        module_tool(place)?
            .arg("no-data")
            .arg(&small)
            .run()
            .with_context(|| format!("data in the kernels {name} would be written over the memory of the core"))?;
        println!("kernels {name}: {before} bytes became {}", file_size(&small)?);
    }
    Ok(())
}
